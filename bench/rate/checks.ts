/** Checks servers faster and faster, in a process of its own that its parent has bound to one core. */
import { setTimeout as delay } from "node:timers/promises";
import { directDial, Monitor, type Probe, probeKey } from "../../health";
import { type CheckType, checkOf } from "../checked";
import { largestRate } from "./search";

const PACE = { intervalMs: 1_000, timeoutMs: 1_000, fall: 3 };
/** The share of checks that may begin late. */
const LATE = 0.01;
/** By then all probes have had their first check. */
const WARM_MS = 1_500;

const [port = "", type = "", firstRate = "", most = "", windowMs = ""] = process.argv.slice(2);

/** A server each second and check: so many servers are checked as many times a second. */
async function keeps(rate: number): Promise<number | undefined> {
  const monitor = new Monitor({ dial: directDial(), onTransition: () => undefined });
  monitor.watch(probes(rate), () => ({ healthy: true, streak: 0, since: 0, answer: "", at: 0 }));
  await delay(WARM_MS);
  const [before, began] = [monitor.counters, performance.now()];
  await delay(Number(windowMs));
  const [after, elapsedMs] = [monitor.counters, performance.now() - began];
  await monitor.stop();
  const checks = after.checks - before.checks;
  const late = after.late - before.late;
  const failures = after.failures - before.failures;
  const isKept =
    late <= LATE * checks && failures <= LATE * checks && checks >= (1 - LATE) * rate * (elapsedMs / 1000);
  return isKept ? (checks * 1000) / elapsedMs : undefined;
}

/** As many servers, each with an address of its own. */
function probes(count: number): Map<string, Probe> {
  const check = checkOf(PACE, type as CheckType);
  const all = Array.from({ length: count }, (_, index): Probe => {
    const address = `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    return { check, target: { address, port: Number(port) } };
  });
  return new Map(all.map((probe) => [probeKey(probe), probe]));
}

void largestRate(Number(firstRate), keeps, Number(most)).then((rate) => process.stdout.write(`${rate}\n`));
