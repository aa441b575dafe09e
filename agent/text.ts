import type { PlaneAnswer } from "../director/data";
import type { Alarm } from "./alarms";
import type { Explanation } from "./explanation";
import type { ServerStatus, Status } from "./status";
import type { WeightFactors } from "./wanted";

/** Alarms that have lines of their own, which say more. */
const TOLD_APART: ReadonlySet<string> = new Set(["drift", "etcd", "conflict"]);

/** A status as a person reads it: a line for each server. */
export function statusText(status: Status, nowMs: number): string {
  const { director, version, repairs, trouble, way, checks, services, drift = [], plane } = status;
  const lines = [
    `${director}: agent ${version}, up ${age(nowMs - status.startedAt)}, table as wanted ${ago(status.reconciledAt, nowMs)}, ` +
      `${repairs} repairs, ${checks.checks} checks (${checks.late} late)`,
    ...(checks.inconclusive === 0
      ? []
      : [
          `${checks.inconclusive} checks could not be made here, and say nothing of their servers: see \`explain\``,
        ]),
    ...(way?.because === undefined ? [] : [`IPVS by way of ${way.by}: ${way.because}`]),
    ...(status.alarms ?? troubles(trouble))
      .filter(({ alarm }) => !TOLD_APART.has(alarm))
      .map(({ alarm, detail }) => `${alarm.toUpperCase()}: ${detail}`),
    ...drift.map((one) => `DRIFT: ${one}`),
    ...(plane ? planeLines(plane, nowMs) : []),
    ...(status.digests ? [digestsText(status.digests)] : []),
  ];
  for (const { service, up, owner, servers, sorryServer } of services) {
    lines.push("", `${service}  ${up ? "up" : "NO QUORUM"}  (${owner})`);
    for (const one of servers) lines.push(`  ${serverText(one, nowMs)}`);
    if (sorryServer)
      lines.push(`  ${sorryServer.server.padEnd(28)} sorry server${sorryServer.serves ? ", SERVES" : ""}`);
  }
  return `${lines.join("\n")}\n`;
}

/** How the director stands to what it shares, and those that hold something else. */
function planeLines(
  { state, since, reason, revision, conflicts, directors, endpoints }: PlaneAnswer,
  nowMs: number,
): string[] {
  const isWell = state === "following" || state === "joining";
  const others = directors
    .filter((one) => one.revision !== revision)
    .map((one) => `${one.director} ${one.revision}`);
  const alive = state === "lost" ? "" : `, ${directors.length} directors alive`;
  return [
    `${isWell ? "" : "ALARM: "}etcd ${state} for ${age(nowMs - since)}, revision ${revision}${alive}` +
      `${reason === undefined ? "" : ` (${endpoints.join(", ")}: ${reason})`}`,
    ...conflicts.map((one) => `CONFLICT: ${one}`),
    ...(others.length === 0 ? [] : [`other revisions: ${others.join(", ")}`]),
  ];
}

/** What is known of one server, in each of its virtual servers. */
export function explanationText(explanations: readonly Explanation[]): string {
  return explanations
    .map((one) => {
      const { service, server, check, results, transitions } = one;
      const last = (results ?? []).map(
        ({ at, healthy, answer }) => `  ${time(at)}  ${healthy ? "ok  " : "FAIL"}  ${answer}`,
      );
      const turns = (transitions ?? []).map(
        ({ at, healthy, answer }) => `  ${time(at)}  ${healthy ? "up  " : "DOWN"}  ${answer}`,
      );
      return [
        `${server} in ${service}`,
        `weight: ${productText(one)}`,
        check === undefined ? "not checked" : `checked by ${check}; last answers:`,
        ...last,
        ...(turns.length > 0 ? ["changes:", ...turns] : []),
        "",
      ].join("\n");
    })
    .join("\n");
}

/** `configured 2 x gate 1 x drain 1 x health 0 = 0 (down); in the kernel 0` */
function productText(one: Explanation): string {
  const { configuredWeight, effectiveWeight, kernelWeight, reasons, factors } = one;
  const why = reasons.length === 0 ? "" : ` (${reasons.join(", ")})`;
  const product = factors ? `${factorsText(factors)} =` : `configured ${configuredWeight}, wanted`;
  return `${product} ${effectiveWeight}${why}; ${kernelText(kernelWeight)}`;
}

function factorsText({ configured, gate, drain, health, quorum }: WeightFactors): string {
  const named = Object.entries({ configured, gate, drain, health, quorum });
  return named.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])).join(" x ");
}

/** Directors that hold the same, and choose alike, tell the same here. */
function digestsText({ registry, table, choice }: NonNullable<Status["digests"]>): string {
  const short = (digest = "unknown") => digest.slice(0, 12);
  return `digests: declared ${short(registry)}, table ${short(table)}, choice ${short(choice)}`;
}

/** Of agents that do not tell alarms. */
function troubles(trouble: string | undefined): Alarm[] {
  return trouble === undefined ? [] : [{ alarm: "trouble", detail: trouble }];
}

function serverText(status: ServerStatus, nowMs: number): string {
  const { server, configuredWeight, effectiveWeight, kernelWeight, reasons, health } = status;
  const wanted =
    effectiveWeight === configuredWeight ? `${effectiveWeight}` : `${effectiveWeight} of ${configuredWeight}`;
  // An entry of weight 0 keeps its connections and persistent clients, one that is out of the table keeps none.
  const isOut = kernelWeight === null && effectiveWeight === 0;
  const held = isOut ? "out of the table" : kernelText(kernelWeight);
  const weight = kernelWeight === effectiveWeight ? wanted : `${wanted}, ${held}`;
  const state = health === undefined ? "unchecked" : health.healthy ? "up" : "DOWN";
  const since = health === undefined ? "" : ` for ${age(nowMs - health.since)}`;
  const why = reasons.length === 0 ? "" : `  [${reasons.join(", ")}]`;
  const answer = health === undefined ? "" : `  ${health.answer}`;
  return `${server.padEnd(28)} weight ${weight.padEnd(10)} ${state}${since}${why}${answer}`;
}

function kernelText(weight: number | null): string {
  return weight === null ? "not in the kernel" : `in the kernel ${weight}`;
}

/** How long ago a moment was; 0: it was not. */
export function ago(atMs: number, nowMs: number): string {
  return atMs === 0 ? "not yet" : `${age(nowMs - atMs)} ago`;
}

/** A span of time, as short as it can be read. */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7_200) return `${Math.floor(s / 60)} min`;
  return s < 172_800 ? `${Math.floor(s / 3_600)} h` : `${Math.floor(s / 86_400)} d`;
}

function time(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}
