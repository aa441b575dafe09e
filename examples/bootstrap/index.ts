import { readFileSync } from "node:fs";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as heye from "pulumi-heye";

const config = new pulumi.Config();
const directors =
  config.requireObject<{ name: string; host: string; port?: number; hostKey: string }[]>("directors");
const login = { user: "root", privateKey: config.requireSecret("sshKey") };

// Once on each host, and again when the script or the prefix changes. Values travel on standard input.
const script = readFileSync("prepare.sh", "utf8");
const prefix = config.require("prefix");
const prepared = directors.map(
  ({ name, host, port, hostKey }) =>
    new remote.Command(`prepare-${name}`, {
      connection: { ...login, host, port, hostKey },
      create: script,
      stdin: `${prefix}\n`,
      triggers: [script, prefix],
    }),
);

// A Cluster looks at its directors when it is made: by then they have to be ready.
const cluster = new heye.Cluster(
  "edge",
  {
    connection: login,
    directors: directors.map(({ name, host, port, hostKey }) => ({
      name,
      connection: { host, port, hostKey },
    })),
    settings: { ipForward: true, conntrack: true },
  },
  { dependsOn: prepared },
);

export const web = new heye.VirtualServer("web", {
  cluster,
  address: config.require("address"),
  port: 80,
  healthCheck: { type: "http", path: "/health" },
  realServers: config.requireObject<string[]>("servers").map((address) => ({ address })),
}).key;
