import { createHash } from "node:crypto";
import { type ActiveHealthCheck, endpoint } from "../spec";
import { placeOf } from "./check";
import type { Target } from "./checker";

/** One way of asking one server. */
export interface Probe {
  readonly check: ActiveHealthCheck;
  readonly target: Target;
}

/**
 * One text for all probes that ask the same thing of the same server equally often, so that it is asked once for all
 * virtual servers that want to know. It begins with what people can read, `http 10.20.1.1:80`; a hash stands for the
 * rest. `deadlineMs` and `forwardingCheck` are no part of it: they concern changes. Nor is `warmupMs`: it is over when it matters.
 *
 * It is the same on every director and after a restart, and holds no secret, but whoever has it can try passwords
 * against it: keep it where the specification may be kept.
 */
export function probeKey({ check, target }: Probe): string {
  const place = placeOf(check, target);
  const question = { ...check, ...NO_PART_OF_IT };
  const server = endpoint(place.address, place.port);
  const hash = createHash("sha256").update(canonical(question)).digest("base64url");
  return `${check.type} ${server} ${hash.slice(0, HASH_CHARACTERS)}`;
}

/** Those of the place are said already. */
const NO_PART_OF_IT = {
  address: undefined,
  port: undefined,
  warmupMs: undefined,
  deadlineMs: undefined,
  forwardingCheck: undefined,
};

/** 132 bits. */
const HASH_CHARACTERS = 22;

/** JSON with sorted properties: their order is no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
