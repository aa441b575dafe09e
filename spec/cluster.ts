import * as z from "zod";
import { apiAccess, apiProblems } from "./api-access";
import { type Connection, connection, type HostConnection } from "./connection";
import { etcd, etcdProblems } from "./etcd";
import { line, word } from "./fields";
import type { Problem } from "./problem";
import { isRecord } from "./record";
import { addressPlacement, RIVALS, rollout, settings, settingsProblems, timeouts } from "./settings";

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
    mode: word(["ssh", "agent"])
      .default("ssh")
      .describe(
        "how directors are run: `ssh`, with nothing installed on them; `agent`, by a daemon that keeps the table and checks servers all the time",
      ),
    driftPolicy: word(["repair", "report"])
      .optional()
      .describe(
        "what agents do with what somebody else has changed about our entries: take it back, or only tell of it",
      ),
    connection: connection.optional().describe("defaults for every director's connection"),
    directors: z
      .array(director, { error: "expected a list of directors" })
      .min(1, { error: "expected at least one director" })
      .max(DIRECTORS_MAX, { error: `expected at most ${DIRECTORS_MAX} directors` })
      .describe("the nodes that forward, 1 to 254"),
    etcd: etcd.optional(),
    api: apiAccess.optional(),
    settings: settings.optional(),
    timeouts: timeouts.optional(),
    restoreAtBoot: z
      .boolean({ error: "expected true or false" })
      .optional()
      .describe("a systemd unit restores settings and entries when a director boots"),
    addresses: addressPlacement.optional().describe("where virtual addresses are put on the directors"),
    install: z
      .boolean({ error: "expected true or false" })
      .optional()
      .describe("install the programs that are missing, with apt-get, dnf or yum"),
    coexist: z
      .array(word(RIVALS), { error: `expected a list of ${RIVALS.join(", ")}` })
      .optional()
      .describe("programs that edit IPVS entries too, and are known to run on the directors"),
    rollout: rollout.optional(),
    unreachable: word(["fail", "skip"])
      .optional()
      .describe("what a change does with a director that cannot be reached"),
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

/**
 * Rules that concern several fields of a cluster; each is skipped while a value it needs is not known yet, or is
 * no object (which `parse` has said by then).
 */
export function clusterProblems(value: Partial<Cluster>, isUnknown: (value: unknown) => boolean): Problem[] {
  if (!isRecord(value)) return [];
  const settingsFaults = settingsProblems(value.settings, isUnknown);
  return [
    ...directorProblems(value, isUnknown),
    ...etcdProblems(value.etcd, isUnknown),
    ...apiProblems(value.api, value.mode, isUnknown),
    ...sharingProblems(value, isUnknown),
    ...settingsFaults,
  ];
}

/** With etcd all agents follow what is declared at the same time: there are no waves, and nobody is to be left behind. */
function sharingProblems(
  { etcd: declared, mode, rollout: waves }: Partial<Cluster>,
  isUnknown: (value: unknown) => boolean,
): Problem[] {
  if (declared === undefined || declared === null) return [];
  const problems: Problem[] = [];
  if (mode === "ssh")
    problems.push({
      path: ["etcd"],
      reason: 'expected no etcd without `mode: "agent"`: nothing would use it',
    });
  if (waves !== undefined && waves !== null && !isUnknown(waves))
    problems.push({ path: ["rollout"], reason: NO_WAVES });
  return problems;
}

function directorProblems(value: Partial<Cluster>, isUnknown: (value: unknown) => boolean): Problem[] {
  if (!Array.isArray(value.directors)) return [];
  const { connection: shared, directors } = value as Partial<Cluster> & Pick<Cluster, "directors">;
  const names = nameProblems(directors, isUnknown);
  if (shared !== undefined && !isRecord(shared)) return names;
  const usable = directors.flatMap((one, index) => {
    const whole = isRecord(one) && (one.connection === undefined || isRecord(one.connection));
    return whole ? [{ one, index }] : [];
  });
  const connections = usable.flatMap(({ one, index }) => connectionProblems(shared, one, index));
  return [...names, ...connections, ...placeProblems(shared, usable, isUnknown)].sort(byDirector);
}

function byDirector(a: Problem, b: Problem): number {
  return Number(a.path[1]) - Number(b.path[1]);
}

function nameProblems(directors: readonly Director[], isUnknown: (value: unknown) => boolean): Problem[] {
  const seen = new Map<string, number>();
  return directors.flatMap((one, index): Problem[] => {
    if (!isRecord(one) || typeof one.name !== "string" || isUnknown(one.name)) return [];
    const first = seen.get(one.name);
    if (first === undefined) seen.set(one.name, index);
    if (first === undefined) return [];
    const reason = `expected unique names, but directors[${first}] is called ${JSON.stringify(one.name)} too`;
    return [{ path: ["directors", index, "name"], reason }];
  });
}

/** One host under two names would be changed twice at a time, and counted as two. */
function placeProblems(
  shared: Connection | undefined,
  directors: readonly { readonly one: Director; readonly index: number }[],
  isUnknown: (value: unknown) => boolean,
): Problem[] {
  const seen = new Map<string, { index: number; name: string }>();
  return directors.flatMap(({ one, index }): Problem[] => {
    const { host, port = 22, proxy } = directorConnection(shared, one);
    const bastion = isRecord(proxy) ? proxy.host : proxy;
    const parts: unknown[] = [host, port, bastion ?? ""];
    if (parts.some((part) => isUnknown(part) || !["string", "number"].includes(typeof part))) return [];
    const place = JSON.stringify(parts);
    const first = seen.get(place);
    if (first === undefined) seen.set(place, { index, name: one.name });
    // The same name as well: that has been said already.
    if (first === undefined || first.name === one.name) return [];
    const reason = `expected each host once, but directors[${first.index}] is ${host} port ${port} too`;
    return [{ path: ["directors", index, "connection"], reason }];
  });
}

function connectionProblems(shared: Connection | undefined, one: Director, index: number): Problem[] {
  const whole = directorConnection(shared, one);
  const at = ["directors", index, "connection"];
  const problems: Problem[] = [];
  if (!whole.hostKey && !whole.insecureIgnoreHostKey)
    problems.push({ path: [...at, "hostKey"], reason: NO_HOST_KEY });
  if (!whole.privateKey && !whole.password && !whole.agentSocketPath)
    problems.push({ path: at, reason: NO_LOGIN });
  const bastion = whole.proxy;
  if (isRecord(bastion)) {
    if (!bastion.hostKey && !bastion.insecureIgnoreHostKey) {
      problems.push({ path: [...at, "proxy", "hostKey"], reason: NO_HOST_KEY });
    }
    if (!bastion.privateKey && !bastion.password && !bastion.agentSocketPath) {
      problems.push({ path: [...at, "proxy"], reason: NO_LOGIN });
    }
  }
  return problems;
}

const NO_WAVES =
  "expected no rollout with etcd: all directors take a change up as soon as it is there, so none could go before the others, and none may fail";
const NO_HOST_KEY =
  "expected the host's public key, so that nobody else can pose as the host: run `ssh-keyscan -t ed25519 HOST`, compare it with the host's console, and put it here (or set insecureIgnoreHostKey: true where that does not matter)";
const NO_LOGIN = "expected a way to log in: privateKey, password or agentSocketPath";
