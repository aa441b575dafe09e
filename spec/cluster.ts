import * as z from "zod";
import { type Connection, connection, type HostConnection } from "./connection";
import { line, word } from "./fields";
import type { Problem } from "./problem";

/** HeYe's limit: one /24 of forward nodes behind the switch. */
export const DIRECTORS_MAX = 254;

/** Schema of one director. */
export const director = z
  .strictObject({
    name: line("a name")
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
        error:
          "expected 1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit",
      })
      .describe("unique name, used in outputs and errors"),
    connection: connection
      .optional()
      .describe("how to reach it; fields left out come from the cluster's connection"),
  })
  .describe("a node that forwards");

/** Schema of a cluster. */
export const cluster = z
  .strictObject({
    mode: word(["ssh"]).default("ssh").describe("how directors are run: over SSH, nothing installed on them"),
    connection: connection.optional().describe("defaults for every director's connection"),
    directors: z
      .array(director, { error: "expected a list of directors" })
      .min(1, { error: "expected at least one director" })
      .max(DIRECTORS_MAX, { error: `expected at most ${DIRECTORS_MAX} directors` })
      .describe("the nodes that forward, 1 to 254"),
  })
  .describe("directors that serve the same virtual servers");

/** A cluster in normal form. */
export type Cluster = z.output<typeof cluster>;
/** A director of a cluster in normal form. */
export type Director = z.output<typeof director>;

/** The whole connection of a director: its own fields over the cluster's; the host defaults to its name. */
export function directorConnection(shared: Connection | undefined, one: Director): HostConnection {
  const merged = { ...shared, ...one.connection };
  return { ...merged, host: merged.host ?? one.name };
}

/** Rules that concern several fields of a cluster; each is skipped while a value it needs is not known yet. */
export function clusterProblems(value: Partial<Cluster>, isUnknown: (value: unknown) => boolean): Problem[] {
  if (!Array.isArray(value.directors) || isUnknown(value.connection)) return [];
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  value.directors.forEach((one, index) => {
    if (isUnknown(one)) return;
    const first = seen.get(one.name);
    if (first !== undefined && !isUnknown(one.name)) {
      problems.push({
        path: ["directors", index, "name"],
        reason: `expected unique names, but directors[${first}] is called ${JSON.stringify(one.name)} too`,
      });
    } else seen.set(one.name, index);
    problems.push(...connectionProblems(value.connection, one, index, isUnknown));
  });
  return [...problems, ...placeProblems(value, isUnknown)];
}

/** One host under two names would be changed twice at a time, and counted as two. */
function placeProblems(value: Partial<Cluster>, isUnknown: (value: unknown) => boolean): Problem[] {
  const seen = new Map<string, number>();
  return (value.directors ?? []).flatMap((one, index): Problem[] => {
    if (isUnknown(one) || isUnknown(one.connection)) return [];
    const { host, port, proxy } = directorConnection(value.connection, one);
    if (isUnknown(host) || isUnknown(port) || isUnknown(proxy)) return [];
    const place = JSON.stringify([host, port ?? 22, proxy?.host]);
    const first = seen.get(place);
    if (first === undefined) seen.set(place, index);
    // The same name as well: that has been said already.
    if (first === undefined || value.directors?.[first]?.name === one.name) return [];
    const reason = `expected each host once, but directors[${first}] is ${host} port ${port ?? 22} too`;
    return [{ path: ["directors", index, "connection"], reason }];
  });
}

function connectionProblems(
  shared: Connection | undefined,
  one: Director,
  index: number,
  isUnknown: (value: unknown) => boolean,
): Problem[] {
  if (isUnknown(one.connection)) return [];
  const whole = directorConnection(shared, one);
  const at = ["directors", index, "connection"];
  const problems: Problem[] = [];
  if (!whole.hostKey && !whole.insecureIgnoreHostKey)
    problems.push({ path: [...at, "hostKey"], reason: NO_HOST_KEY });
  if (!whole.privateKey && !whole.password && !whole.agentSocketPath)
    problems.push({ path: at, reason: NO_LOGIN });
  const bastion = whole.proxy;
  if (bastion && !isUnknown(bastion)) {
    if (!bastion.hostKey && !bastion.insecureIgnoreHostKey) {
      problems.push({ path: [...at, "proxy", "hostKey"], reason: NO_HOST_KEY });
    }
    if (!bastion.privateKey && !bastion.password && !bastion.agentSocketPath) {
      problems.push({ path: [...at, "proxy"], reason: NO_LOGIN });
    }
  }
  return problems;
}

const NO_HOST_KEY =
  "expected the host's public key, so that nobody else can pose as the host: run `ssh-keyscan -t ed25519 HOST`, compare it with the host's console, and put it here (or set insecureIgnoreHostKey: true where that does not matter)";
const NO_LOGIN = "expected a way to log in: privateKey, password or agentSocketPath";
