import { HEYE_V1 } from "../spec/presets";

/** Settings of health checks that go together, to be spread into one. */
export const presets = {
  /**
   * The defaults of HeYe's first version: every 2 s, at most 500 ms, 5 successes to rise and 2 failures to fall.
   *
   * @example healthCheck: { type: "http", ...heye.presets.heyeV1 }
   */
  heyeV1: HEYE_V1,
} as const;
