import type { Findings, Traffic } from "./lab-inside";
import { METHOD_NAMES } from "./lab-tools";

/** What lab-inside.ts finds in a lab that works in every respect; the rest depends on the place. */
export function whole(): Omit<Findings, "uid" | "mode" | "cable" | "left"> {
  const all: Traffic = { servers: ["rs1", "rs2"], errors: {} };
  const cases = ["tcp", "udp"].flatMap((protocol) =>
    ["v4", "v6"].flatMap((family) => METHOD_NAMES.map((method) => `${protocol} ${family} ${method}`)),
  );
  return {
    hostNames: ["d1", "d2"],
    bytes: 3_000_000,
    rows: [{ one: 1 }],
    traffic: Object.fromEntries(cases.map((name) => [name, all])),
    faults: ["impair-network", "hang-ssh", "kill-director", "kill-server"],
    meanwhile: { servers: ["rs1"], errors: {} },
    rebooted: "lab-test-file\nd1",
  };
}
