/** What is found on a director after a change that was killed, and what must be true of it. */
import assert from "node:assert/strict";
import { parseRegistry, type Registry } from "../../director";
import { renderRegistry } from "../../director/registry-format";
import { destinationKey, findService, parseTable, serviceKey } from "../../ipvs";
import { realServerKey } from "../../spec";
import type { Site } from "./site";

/** What the first director holds, read past all code under test; fails unless its registry is whole. */
export async function held(site: Site): Promise<{ readonly table: string; readonly registry: Registry }> {
  const table = await site.table("d1");
  const text = await site.on("d1", "/bin/sh", "-c", "cat /var/lib/heye/registry");
  const registry = parseRegistry(text);
  assert.ok(registry, `no registry: ${text}`);
  assert.equal(renderRegistry(registry), text);
  return { table, registry };
}

/** Fails unless all in the kernel is owned or a stranger's, and others' entries are as they were. */
export function expectOwned(
  registry: Registry,
  table: string,
  owner: string,
  strange: readonly string[],
): void {
  const lines = table.split("\n");
  for (const line of strange) assert.ok(lines.includes(line), `gone: ${line}`);
  for (const service of parseTable(lines.filter((line) => !strange.includes(line)).join("\n"))) {
    const owned = registry.owners[owner]?.virtualServers[serviceKey(service)];
    assert.ok(owned, `${serviceKey(service)} is nobody's`);
    const members = owned.members.map(realServerKey);
    for (const one of service.destinations)
      assert.ok(members.includes(destinationKey(one)), `${destinationKey(one)} is nobody's`);
  }
}

/** Whether a service has a server that takes new connections. */
export function isServing(table: string, key: string): boolean {
  return findService(parseTable(table), key)?.destinations.some(({ weight }) => weight > 0) ?? false;
}

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
