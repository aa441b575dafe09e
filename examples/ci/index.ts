import * as pulumi from "@pulumi/pulumi";
import * as heye from "pulumi-heye";

// What is reviewed. The comment on the pull request is made by comment.ts, the policies are in policy/.
const config = new pulumi.Config();

const cluster = new heye.Cluster("edge", {
  connection: { privateKey: config.requireSecret("sshKey") },
  directors: config.requireObject<heye.DirectorArgs[]>("directors"),
  settings: { expireNodestConn: true },
});

new heye.VirtualServer("web", {
  cluster,
  address: "192.0.2.10",
  port: 80,
  scheduler: "wrr",
  healthCheck: config.getBoolean("unchecked") ? { type: "none" } : { type: "http", path: "/health" },
  realServers: config.requireObject<{ address: string; weight: number }[]>("servers"),
});

// The same with a pool of resources of their own.
const echo = new heye.VirtualServer("echo", { cluster, address: "192.0.2.20", port: 7000 });
for (const address of ["10.20.1.2", "10.20.1.3"]) {
  new heye.RealServer(`echo-${address}`, {
    virtualServer: echo,
    address,
    weight: config.getNumber("echoWeight") ?? 1,
  });
}
