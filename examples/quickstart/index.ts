import * as pulumi from "@pulumi/pulumi";
import * as heye from "pulumi-heye";
import { directorsOf, readInventory } from "./lab";

const config = new pulumi.Config();

// Three directors, reached over SSH. Yours come from stack configuration: see README.md.
const lab = readInventory();
const cluster = new heye.Cluster("lab", {
  // A daemon on each watches the servers all the time. `ssh`: nothing is installed, and checks are made at changes alone.
  mode: config.get("mode") === "ssh" ? "ssh" : "agent",
  directors: directorsOf(lab),
  // nat on several directors: answers come back through source NAT, which needs connection tracking.
  settings: { conntrack: true, ipForward: true },
});
const addressOf = new Map(lab.servers.map(({ name, address }) => [name, address]));

// Weights of the web servers. Change one: pulumi config set --path 'web.rs1' 3 && pulumi up
const changed = config.getObject<Record<string, number>>("web");
const weights = { rs1: 1, rs2: 1, rs3: 1, ...changed };

export const web = new heye.VirtualServer("web", {
  cluster,
  address: "192.0.2.10",
  port: 80,
  scheduler: "wrr",
  healthCheck: { type: "http", path: "/health" },
  realServers: Object.entries(weights).map(([name, weight]) => ({
    address: addressOf.get(name) ?? name,
    weight,
  })),
}).key;

export const database = new heye.VirtualServer("database", {
  cluster,
  address: "192.0.2.20",
  port: 3306,
  scheduler: "lc",
  healthCheck: { type: "mysql", user: "heye", password: lab.mysql?.password },
  realServers: [{ address: addressOf.get("db1") ?? "" }],
}).key;

// The same, with the pool as resources of their own and an IPv6 address.
const echo = new heye.VirtualServer("echo", {
  cluster,
  address: "2001:db8:100::30",
  port: 7000,
  scheduler: "rr",
  healthCheck: { type: "tcp" },
});
for (const { name, address6 } of lab.servers.filter(({ ports }) => ports.tcp)) {
  new heye.RealServer(`echo-${name}`, { virtualServer: echo, address: address6 });
}
export const echoService = echo.key;
