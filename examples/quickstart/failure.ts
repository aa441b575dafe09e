import { setTimeout as delay } from "node:timers/promises";
import type { Lab } from "../../lab";

const URL = "http://192.0.2.10/";
/** How long a director may take to notice; its checks are a second apart and two have to agree. */
const PATIENCE_MS = 30_000;

/**
 * Stops a web server's HTTP under load, and starts it again. Says when each director took it out and put it back, and
 * how many connections met it in between.
 */
export async function showFailure(lab: Lab, server: string): Promise<void> {
  const address = lab.inventory.servers.find(({ name }) => name === server)?.address ?? "";
  const load = await lab.startTraffic({ url: URL, concurrency: 2 });
  while ((await load.progress()).requests === 0) await delay(50);
  await lab.fault.stopService(server, "http");
  await showMoments(lab, `${server} refuses connections`, (weight) => weight === 0, address);
  await delay(2_000);
  await lab.fault.startService(server, "http");
  await showMoments(lab, `${server} accepts connections again`, (weight) => weight > 0, address);
  const { requests, failed, errors } = await load.stop();
  const why = Object.keys(errors).join(", ");
  console.log(
    `  ${requests} requests meanwhile, ${failed} of them failed${why && ` (${why})`}: those that met ${server} before it was out`,
  );
}

async function showMoments(
  lab: Lab,
  what: string,
  isThere: (weight: number) => boolean,
  address: string,
): Promise<void> {
  const started = Date.now();
  console.log(`  ${what}`);
  await Promise.all(
    lab.inventory.directors.map(async ({ name }) => {
      let weight = await weightOf(lab, name, address);
      while (!isThere(weight)) {
        if (Date.now() - started > PATIENCE_MS)
          throw new Error(`${name} did not notice within ${PATIENCE_MS / 1000} s that ${what}`);
        await delay(100);
        weight = await weightOf(lab, name, address);
      }
      console.log(
        `    ${name}: its weight is ${weight} after ${((Date.now() - started) / 1000).toFixed(1)} s`,
      );
    }),
  );
}

async function weightOf(lab: Lab, director: string, address: string): Promise<number> {
  const { stdout } = await lab.exec(director, ["ipvsadm", "--save", "-n"]);
  const line = stdout.split("\n").find((one) => one.includes(` 192.0.2.10:80 -r ${address}:80 `));
  return Number(/-w (\d+)/.exec(line ?? "")?.[1] ?? 0);
}
