import * as z from "zod";
import { port, word } from "./fields";
import type { Problem } from "./problem";

/** What goes around a packet on its way to a `tun` server. `gue` needs Linux 5.3 or newer, `gre` 5.4. */
export const TUNNEL_TYPES = ["ipip", "gue", "gre"] as const;

/** See {@link TUNNEL_TYPES}. */
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** What protects the outer header: nothing, a checksum of its own, or (gue) the inner packet's, moved outwards. */
export const TUNNEL_CHECKSUMS = ["none", "normal", "remote"] as const;

/** Schema of {@link Tunnel}. */
export const tunnel = z
  .strictObject({
    type: word(TUNNEL_TYPES).default("ipip").describe("what goes around each packet"),
    port: port.optional().describe("UDP port of gue on the server"),
    checksum: word(TUNNEL_CHECKSUMS).default("none").describe("checksum of the outer header (gue, gre)"),
  })
  .describe("how packets to a `tun` server are wrapped");

/** How packets to a `tun` server are wrapped, in normal form. */
export type Tunnel = z.output<typeof tunnel>;

/** The tunnel of a server that names none. */
export const DEFAULT_TUNNEL: Tunnel = { type: "ipip", checksum: "none" };

/** What ipvsadm and the kernel refuse. Paths are relative to the tunnel; values not known yet are no problem. */
export function tunnelProblems(value: Tunnel): Problem[] {
  const problems: Problem[] = [];
  const { type, port: number, checksum } = value;
  if (type === "gue" && number === undefined) {
    problems.push({
      path: ["port"],
      reason: "expected the UDP port on which the server takes gue, found nothing",
    });
  }
  if ((type === "ipip" || type === "gre") && number !== undefined) {
    problems.push({ path: ["port"], reason: `expected no port: ${type} has none, only gue does` });
  }
  if (type === "ipip" && (checksum === "normal" || checksum === "remote")) {
    problems.push({
      path: ["checksum"],
      reason: `expected none for ipip, found ${checksum}: its header has no checksum`,
    });
  }
  if (type === "gre" && checksum === "remote") {
    problems.push({
      path: ["checksum"],
      reason: "expected none or normal for gre, found remote: only gue has it",
    });
  }
  return problems;
}
