import * as z from "zod";
import {
  checkPortProblems,
  type DeclaredRealServer,
  defaultHealthCheck,
  type HealthCheck,
  IDENTITY_FIELDS,
  identityProblems,
  memberProblems,
  normalMember,
  type Problem,
  parse,
  placedMemberWarnings,
  realServer,
  type VirtualServerIdentity,
  virtualServerIdentity,
  withIdentityDefaults,
} from "../spec";
import type { ClusterHandle } from "./fleet";
import { handleProblems } from "./handle";
import type { Checked, Properties } from "./handler";
import type { Pool } from "./real-server-state";
import { sshCheckProblems } from "./ssh-checks";
import { isUnknown } from "./unknown";

const schema = z.strictObject({
  ...realServer.shape,
  adopt: z.boolean({ error: "expected true or false" }).default(false),
  virtualServer: z.strictObject({
    ...virtualServerIdentity,
    pool: z.enum(["inline", "separate"]),
  }),
});

/** What is wrong with the inputs of a RealServer, and what its user should know; in normal form. */
export function checkRealServer({ name, parent, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parse(schema, properties, isUnknown);
  const { virtualServer, adopt, ...server } = value;
  const outer = outerOf(virtualServer);
  const normal = {
    ...normalMember(server, outer?.fwmark === undefined ? outer?.port : 0),
    healthCheck: value.healthCheck ?? defaultCheckOf(outer, virtualServer),
    ...((adopt as unknown) !== false && { adopt }),
  } as DeclaredRealServer;
  const rules = outer
    ? [
        ...memberProblems(outer, normal, isUnknown),
        ...checkPortProblems(outer, normal.healthCheck, isUnknown),
      ]
    : [];
  const place = outer ? placeProblems(outer) : [];
  const inline = outer?.pool === "inline" ? [{ path: ["virtualServer"], reason: INLINE }] : [];
  const said = new Set(problems.map(({ path }) => path.join(".")));
  // What is wrong by itself needs no second word about what it is wrong with.
  const others = [...place, ...rules, ...inline].filter(({ path }) => !said.has(path.join(".")));
  const unobeyed = sshCheckProblems({ cluster, ...properties });
  const all = [...handleProblems(cluster), ...problems, ...others, ...unobeyed];
  return {
    inputs: { name, parent, cluster, ...normal, virtualServer: outer ?? virtualServer },
    problems: all,
    // What is wrong has to be mended first; only then it can be told what follows from the rest.
    warnings: all.length > 0 ? [] : warningsOf(name, normal.healthCheck),
    hints: all.length > 0 ? [] : placedOn(cluster, normal).map((text) => `${text}.`),
  };
}

/** A virtual server that says what it is; while a part of that is not known yet, which of both it is may not be either. */
function placeProblems(outer: VirtualServerIdentity): Problem[] {
  if (IDENTITY_FIELDS.some((key) => isUnknown(outer[key]))) return [];
  return identityProblems(outer, isUnknown).map(({ path, reason }) => ({
    path: ["virtualServer", ...path],
    reason,
  }));
}

/** The virtual server it is for, as far as it is known. Its own inputs have been checked by its own resource. */
function outerOf(given: unknown): (VirtualServerIdentity & Pool) | undefined {
  if (typeof given !== "object" || given === null || isUnknown(given)) return undefined;
  const meant = meantBy(given as Outer);
  // A default would decide which of both it is, before anybody knows.
  return isUndecided(meant) ? (meant as VirtualServerIdentity & Pool) : withIdentityDefaults(meant);
}

/** What is checked where nothing is said; as unknown as the virtual server that it hangs on. */
function defaultCheckOf(outer: VirtualServerIdentity | undefined, given: unknown): unknown {
  return isUnknown(given) ? given : defaultHealthCheck(outer ?? {}, isUnknown);
}

/** Something of its identity is not known yet, and nothing is. */
function isUndecided(meant: Outer): boolean {
  const given = IDENTITY_FIELDS.map((key) => meant[key]).filter((value) => value !== undefined);
  return given.length > 0 && given.every(isUnknown);
}

type Outer = Parameters<typeof withIdentityDefaults>[0] & Pool;

/** In a preview an output that is not there looks like one that is not known yet: it is not when the other kind is. */
function meantBy(given: Outer): Outer {
  const isKnown = (key: keyof Outer): boolean => given[key] !== undefined && !isUnknown(given[key]);
  const [byAddress, byMark] = [["protocol", "address", "port"] as const, ["fwmark", "family"] as const];
  const absent: readonly string[] = byAddress.some(isKnown) ? byMark : byMark.some(isKnown) ? byAddress : [];
  const meant = Object.entries(given).filter(([key, value]) => !(absent.includes(key) && isUnknown(value)));
  return Object.fromEntries(meant) as Outer;
}

function warningsOf(name: unknown, check: HealthCheck | undefined): string[] {
  if (check?.type !== "none") return [];
  return [`RealServer ${name}: it is let in unchecked; name a healthCheck to gate it.`];
}

function placedOn(cluster: unknown, value: DeclaredRealServer): string[] {
  if (isUnknown(cluster) || cluster === undefined) return [];
  return placedMemberWarnings(cluster as ClusterHandle, value);
}

const INLINE =
  "expected a virtual server without `realServers`, found one that lists its whole pool: add the server to that list, or remove the list";
