import * as pulumi from "@pulumi/pulumi";
import type { ConfigFormat, RealServerRole } from "../spec";
import { realServerConfig } from "../spec/real-server-text";

/** How a real server is reached, and how the text about it is to be written. */
export interface RealServerConfigArgs {
  /** As in the pool. */
  forwarding: RealServerRole["forwarding"];
  /** As in the pool; with `tun`. Default: IP in IP. */
  tunnel?: { type?: "ipip" | "gue" | "gre"; port?: number; checksum?: "none" | "normal" | "remote" };
  /** The server's own address; only gre with a checksum needs it. */
  server?: string;
  /** `commands` to be run as root, or `files` that do the same at every boot. Default `commands`. */
  format?: ConfigFormat;
}

/** The text for one virtual address; empty for a firewall mark, which has none. */
export function configText(
  address: pulumi.Output<string | undefined>,
  { forwarding, tunnel, server, format }: RealServerConfigArgs,
): pulumi.Output<string> {
  const wrapped = tunnel && { type: "ipip" as const, checksum: "none" as const, ...tunnel };
  return pulumi
    .output(address)
    .apply((one) =>
      one === undefined
        ? ""
        : realServerConfig({ addresses: [one], forwarding, tunnel: wrapped, server }, format),
    );
}
