/**
 * The world's main process, the same in a user-mode Linux guest and on a kernel with IPVS. Argument: the
 * configuration's path. Says on standard output when the world can be used. It never ends by itself: the world
 * ends with the processes around it.
 */
import { readFileSync } from "node:fs";
import { buildWorld, networkOf } from "./build";
import { SIGNAL, type WorldConfig } from "./config";
import { serveControl } from "./control";
import { verbsOf } from "./verbs";

const since = process.hrtime.bigint();

function say(text: string): void {
  const seconds = Number(process.hrtime.bigint() - since) / 1e9;
  process.stdout.write(`${seconds.toFixed(2).padStart(7)} ${text}\n`);
}

async function main(configPath: string): Promise<void> {
  const config = JSON.parse(readFileSync(configPath, "utf8")) as WorldConfig;
  const world = buildWorld(config, say);
  serveControl(networkOf(world.networks, "control"), config.token, verbsOf(world));
  await Promise.all([...world.directors.values()].map((director) => director.listening));
  say("sshd on all directors");
  world.database?.create();
  process.stdout.write(`${SIGNAL.ready}\n`);
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stdout.write(`${SIGNAL.failed} ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
