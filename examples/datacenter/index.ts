import * as pulumi from "@pulumi/pulumi";
import * as heye from "pulumi-heye";

// A datacenter without Kubernetes: a core switch spreads virtual addresses over forward nodes by routes of equal cost.
// What differs between sites is in the stack's configuration; README.md writes one.
const config = new pulumi.Config();

interface Host {
  readonly name: string;
  readonly host: string;
  readonly hostKey: string;
}
const directors = config.requireObject<Host[]>("directors");
const bastion = config.requireObject<{ host: string; port?: number; hostKey: string }>("bastion");
const user = config.get("user") ?? "root";
const privateKey = config.requireSecret("sshKey");
const databasePassword = config.requireSecret("databasePassword");

const cluster = new heye.Cluster("forward-nodes", {
  // Of every director. The bastion is dialled once for all of them.
  connection: { user, privateKey, proxy: { ...bastion, user, privateKey } },
  directors: directors.map(({ name, host, hostKey }) => ({ name, connection: { host, hostKey } })),
  settings: {
    modules: ["ip_vs_mh"],
    ipForward: true,
    // A connection that the switch moves to another forward node is taken over there.
    sloppyTcp: true,
    scheduleIcmp: true,
    expireNodestConn: true,
  },
  restoreAtBoot: true,
  // One node first. When it fails, the others have not begun.
  rollout: { canary: 1, pauseMs: config.getNumber("canaryMs") ?? 5_000 },
});

/** The services as this program declares them. */
function declared() {
  // mh with the same table on every node: each chooses the same server for a connection. With dr the answers go past the
  // nodes, so a node that dies takes no connection with it.
  const web = new heye.VirtualServer("web", {
    cluster,
    address: config.require("webAddress"),
    port: 80,
    scheduler: "mh",
    schedulerFlags: ["mh-port", "mh-fallback"],
    healthCheck: { type: "http", path: "/health" },
    realServers: config
      .requireObject<string[]>("webServers")
      .map((address) => ({ address, forwarding: "dr" as const, drainMs: 60_000 })),
  });
  const database = new heye.VirtualServer("database", {
    cluster,
    address: config.require("databaseAddress"),
    port: 3306,
    scheduler: "lc",
    healthCheck: { type: "mysql", user: "heye", password: databasePassword },
    realServers: config
      .requireObject<string[]>("databaseServers")
      .map((address) => ({ address, forwarding: "dr" as const })),
  });
  return { web, database };
}

/** The same from a YAML file, which says it with the same words. */
function inFile(file: string) {
  const site = new heye.ConfigFile("site", { cluster, file, secrets: { databasePassword } });
  return { web: site.virtualServer("web"), database: site.virtualServer("database") };
}

const file = config.get("servicesFile");
const { web, database } = file === undefined ? declared() : inFile(file);

/** What each server needs in order to take packets to its virtual address. */
export const webServerSetup = web.realServerConfig({ forwarding: "dr" });
export const databaseServerSetup = database.realServerConfig({ forwarding: "dr" });
export const services = [web.key, database.key];
/** What was found on the forward nodes. */
export const nodes = cluster.nodes;
