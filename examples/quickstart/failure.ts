import { setTimeout as delay } from "node:timers/promises";
import type { ExecResult, Inventory, TrafficProgress, TrafficReport } from "../../lab";

const URL = "http://192.0.2.10/";

/** What is used of a lab here. */
export interface FailingLab {
  readonly inventory: Pick<Inventory, "directors" | "servers">;
  readonly fault: Readonly<
    Record<"startService" | "stopService", (server: string, service: "http") => Promise<void>>
  >;
  startTraffic(load: { url: string; concurrency: number }): Promise<Load>;
  exec(node: string, argv: readonly string[]): Promise<ExecResult>;
  resetCounts(): Promise<void>;
  serverCounts(): Promise<Readonly<Record<string, { readonly http: number }>>>;
}

interface Load {
  progress(): Promise<TrafficProgress>;
  stop(): Promise<TrafficReport>;
}

/** How long things may take, in milliseconds. */
export interface Pace {
  /** Anything that is waited for. A director notices after some 2 s: its checks are a second apart, and two have to agree. */
  readonly patience: number;
  /** How long requests have to go without a failure. */
  readonly well: number;
}

const PACE: Pace = { patience: 60_000, well: 1_500 };
/** So many looks within the patience, at most. */
const LOOKS = 600;

/**
 * Stops a web server's HTTP under load, and starts it again. Says when each director took it out and put it back, and
 * how many connections met it in between.
 *
 * @returns whether none failed once it was out, and it answers again once it is back
 * @throws Error when a director does not notice
 */
export async function showFailure(lab: FailingLab, server: string, pace: Pace = PACE): Promise<boolean> {
  const address = lab.inventory.servers.find(({ name }) => name === server)?.address ?? "";
  const load = await lab.startTraffic({ url: URL, concurrency: 2 });
  const begun = Date.now();
  while ((await load.progress()).requests === 0) await patiently(begun, pace, "the load did not begin");
  await lab.fault.stopService(server, "http");
  const out = `${server} refuses connections`;
  await showMoments(lab, { what: out, isThere: (weight) => weight === 0, address, pace });
  const failedUntilOut = await goingWell(load, pace);
  await lab.resetCounts();
  await lab.fault.startService(server, "http");
  const back = `${server} accepts connections again`;
  await showMoments(lab, { what: back, isThere: (weight) => weight > 0, address, pace });
  const isBack = await answers(lab, server, pace);
  const { requests, failed, errors } = await load.stop();
  const isOut = failedUntilOut === failed;
  const why = Object.keys(errors).join(", ");
  const when = isOut
    ? `those that met ${server} before it was out, and none after`
    : `MORE THAN THOSE that met ${server} before it was out`;
  console.log(`  ${requests} requests meanwhile, ${failed} of them failed${why && ` (${why})`}: ${when}`);
  if (!isBack) console.log(`  ${server} HAS ANSWERED NONE since it is back`);
  return isOut && isBack;
}

/** Waits until requests go well, and says how many had failed by then; undefined: they went on failing. */
async function goingWell(load: Load, { patience, well }: Pace): Promise<number | undefined> {
  const started = Date.now();
  let before = await load.progress();
  while (Date.now() - started < patience) {
    await delay(well);
    const now = await load.progress();
    // One that hangs has no failures either.
    if (now.failed === before.failed && now.requests > before.requests) return now.failed;
    before = now;
  }
  return undefined;
}

async function answers(lab: FailingLab, server: string, { patience }: Pace): Promise<boolean> {
  for (const started = Date.now(); Date.now() - started < patience; await delay(patience / LOOKS))
    if (((await lab.serverCounts())[server]?.http ?? 0) > 0) return true;
  return false;
}

interface Moment {
  readonly what: string;
  readonly isThere: (weight: number) => boolean;
  readonly address: string;
  readonly pace: Pace;
}

async function showMoments(lab: FailingLab, { what, isThere, address, pace }: Moment): Promise<void> {
  const started = Date.now();
  console.log(`  ${what}`);
  await Promise.all(
    lab.inventory.directors.map(async ({ name }) => {
      let weight = await weightOf(lab, name, address);
      while (!isThere(weight)) {
        await patiently(started, pace, `${name} did not notice that ${what}`);
        weight = await weightOf(lab, name, address);
      }
      console.log(
        `    ${name}: its weight is ${weight} after ${((Date.now() - started) / 1000).toFixed(1)} s`,
      );
    }),
  );
}

/** A moment between two looks. Throws when there have been too many of them. */
async function patiently(started: number, { patience }: Pace, what: string): Promise<void> {
  if (Date.now() - started > patience) throw new Error(`${what} within ${patience / 1000} s`);
  await delay(patience / LOOKS);
}

async function weightOf(lab: FailingLab, director: string, address: string): Promise<number> {
  const { stdout } = await lab.exec(director, ["ipvsadm", "--save", "-n"]);
  const line = stdout.split("\n").find((one) => one.includes(` 192.0.2.10:80 -r ${address}:80 `));
  return Number(/-w (\d+)/.exec(line ?? "")?.[1] ?? 0);
}
