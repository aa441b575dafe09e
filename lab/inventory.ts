/** What the users of a lab need to know about it: where everything is, and the keys to it. */
import type { Mode } from "./keeper/config";
import type { Memory } from "./keys";
import type { LabPaths } from "./paths";
import { type Topology, VIRTUAL } from "./topology";

/** A director as it is reached from this machine. The fields are those of a connection of the provider. */
export interface DirectorEntry {
  readonly name: string;
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: "root";
  /** OpenSSH private key, as text. */
  readonly privateKey: string;
  /** The same key as a file, for ssh -i. */
  readonly privateKeyFile: string;
  /** `ssh-ed25519 AAAA...`; each director has its own. */
  readonly hostKey: string;
}

/** A real server, by its addresses inside the lab. */
export interface ServerEntry {
  readonly name: string;
  readonly role: "web" | "mysql" | "tcp";
  readonly address: string;
  readonly address6: string;
  /** Ports by service: http, tcp, udp, mysql. */
  readonly ports: { readonly [service: string]: readonly number[] };
}

/** Accounts of the lab's MariaDB. */
export interface MysqlEntry {
  readonly server: "db1";
  readonly port: number;
  /** For health checks: may log in and SELECT. */
  readonly user: string;
  readonly password: string;
  /** For the load of an application. */
  readonly application: { readonly user: string; readonly password: string; readonly database: string };
}

/** A running lab. Holds a private key: written readable by its owner only. */
export interface Inventory {
  readonly name: string;
  readonly mode: Mode;
  readonly directors: readonly DirectorEntry[];
  readonly servers: readonly ServerEntry[];
  /** null in a lab without a database. */
  readonly mysql: MysqlEntry | null;
  /** The prefixes whose addresses may be used as virtual ones. */
  readonly virtual: { readonly v4: string; readonly v6: string };
  /** The file with the directors' host keys, for ssh. */
  readonly knownHostsFile: string;
  /** Password of the control socket. */
  readonly controlToken: string;
}

/** The accounts every lab's database has. The lab is reached from this machine only, so they are no secret. */
export const MYSQL_ACCOUNTS = {
  user: "heye",
  password: "heye-check",
  application: { user: "app", password: "heye-app", database: "shop" },
} as const;

/** Puts the inventory together. `memory.ports` are the ports that are listening now. */
export function inventoryOf(
  name: string,
  mode: Mode,
  t: Topology,
  memory: Memory,
  paths: LabPaths,
  controlToken: string,
): Inventory {
  const directors = t.directors.map((node, i): DirectorEntry => {
    const [port, hostKey] = [memory.ports[i], memory.hosts[i]?.public];
    if (port === undefined || hostKey === undefined)
      throw new Error(`${node.name} has no port or no host key`);
    const { private: privateKey } = memory.client;
    const privateKeyFile = paths.privateKey;
    return { name: node.name, host: "127.0.0.1", port, user: "root", privateKey, privateKeyFile, hostKey };
  });
  return {
    name,
    mode,
    directors,
    servers: t.servers,
    mysql: t.shape.database ? { server: "db1", port: 3306, ...MYSQL_ACCOUNTS } : null,
    virtual: VIRTUAL,
    knownHostsFile: paths.knownHosts,
    controlToken,
  };
}

/** The lines of a known_hosts file for these directors. */
export function knownHostsOf(inventory: Inventory): string {
  return inventory.directors.map((d) => `[${d.host}]:${d.port} ${d.hostKey}\n`).join("");
}
