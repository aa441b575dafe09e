/** Agents' processes on the directors of a lab. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "../lab/site";

/** How long anything may take to come right when nothing is wrong any more: a lab is slow. */
export const SETTLE_MS = 45_000;

/** The process id of an agent that answers; nothing where none does. */
const READY =
  'read -r pid rest 2>/dev/null </run/heye/agent.ready && kill -0 "$pid" 2>/dev/null && echo "$pid" || :';

/** Waits until a director's agent answers that is another process than this one. */
export async function answers(site: Site, director: string, before: string): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    // It says so when it answers; asking it would be to start a program, which is dear in a lab.
    const ready = (await site.on(director, "sh", "-c", READY)).trim();
    if (ready !== "" && ready !== before) return;
    assert.ok(Date.now() < deadline, `no agent answers on ${director}`);
    await delay(200);
  }
}

/** The process id of a director's agent; empty where none runs. */
export async function agentPid(site: Site, director: string): Promise<string> {
  return (await site.on(director, "sh", "-c", "pgrep -f '[h]eye-agent.js run' || :")).trim();
}

/** What agents said last. */
export async function agentLogs(site: Site): Promise<string> {
  const files = ["/run/heye/agent.log", "/run/boot.log"];
  const tails = site.directorNames.map(async (name) => {
    const { stdout } = await site.lab.exec(name, ["tail", "-n", "25", ...files]);
    return `--- ${name}\n${stdout}`;
  });
  return (await Promise.all(tails)).join("");
}
