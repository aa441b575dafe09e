/** `heye realserver-config`: prints what a real server needs. Reaches nothing and nobody. */
import { parseArgs } from "node:util";
import {
  CONFIG_FORMATS,
  canonicalAddress,
  FORWARDING_METHODS,
  realServerConfig,
  TUNNEL_CHECKSUMS,
  TUNNEL_TYPES,
  type Tunnel,
  tunnelProblems,
} from "../spec";

const USAGE = `usage: heye realserver-config --address ADDRESS [--address ADDRESS ...] --forwarding METHOD [options]

Prints what a Linux host needs to be a real server of these virtual addresses.

  --address ADDRESS         virtual address, IPv4 or IPv6; may be repeated
  --forwarding METHOD       ${FORWARDING_METHODS.join(", ")}
  --tunnel TYPE             with tun: ${TUNNEL_TYPES.join(", ")} (default: ipip)
  --tunnel-port PORT        UDP port of gue
  --tunnel-checksum KIND    ${TUNNEL_CHECKSUMS.join(", ")} (default: none)
  --server ADDRESS          the server's own address; with gre with a checksum, and with nothing else
  --format FORMAT           ${CONFIG_FORMATS.join(", ")} (default: commands)
`;

/** Options that cannot be used as given. The message names each. */
export class RealServerConfigUsageError extends Error {
  override readonly name = "RealServerConfigUsageError";
}

/** The subcommand; returns the exit code. Throws RealServerConfigUsageError, RealServerRoleError. */
export async function realServerConfigCommand(argv: readonly string[]): Promise<number> {
  process.stdout.write(argv.includes("--help") || argv.includes("-h") ? USAGE : textFor(argv));
  return 0;
}

/** The text that the command prints. */
export function textFor(argv: readonly string[]): string {
  const values = parsed(argv);
  const faults: string[] = [];
  const one = <T extends string>(option: string, text: string, words: readonly T[]): T => {
    const found = words.find((word) => word === text);
    if (found === undefined)
      faults.push(`${option}: expected one of ${words.join(", ")}, found ${JSON.stringify(text)}`);
    return found ?? (words[0] as T);
  };
  const address = (option: string, text: string): string => {
    const canonical = canonicalAddress(text);
    if (canonical === undefined)
      faults.push(`${option}: expected an IPv4 or IPv6 address, found ${JSON.stringify(text)}`);
    return canonical ?? text;
  };
  const addresses = (values.address ?? []).map((text) => address("--address", text));
  if (addresses.length === 0) faults.push("--address: expected a virtual address, found nothing");
  const tunnel: Tunnel = {
    type: one("--tunnel", values.tunnel ?? "ipip", TUNNEL_TYPES),
    checksum: one("--tunnel-checksum", values["tunnel-checksum"] ?? "none", TUNNEL_CHECKSUMS),
    ...(values["tunnel-port"] !== undefined && { port: portOf(values["tunnel-port"], faults) }),
  };
  const server = values.server === undefined ? undefined : address("--server", values.server);
  const forwarding = one("--forwarding", values.forwarding ?? "", FORWARDING_METHODS);
  faults.push(...meaningless(values, tunnel));
  const role = { addresses, forwarding, server, ...(forwarding === "tun" && { tunnel }) };
  const format = one("--format", values.format, CONFIG_FORMATS);
  if (faults.length > 0) throw new RealServerConfigUsageError(`${faults.join("\n")}\n\n${USAGE}`);
  return realServerConfig(role, format);
}

/** Options that the method, or the tunnel, has no use for. */
function meaningless(values: ReturnType<typeof parsed>, tunnel: Tunnel): string[] {
  const { forwarding } = values;
  const isTun = forwarding !== "nat" && forwarding !== "dr";
  const ofTunnels = (["tunnel", "tunnel-port", "tunnel-checksum"] as const).filter(
    (name) => values[name] !== undefined,
  );
  const isChecked = isTun && tunnel.type === "gre" && tunnel.checksum !== "none";
  return [
    ...(isTun
      ? tunnelProblems(tunnel).map(({ path, reason }) => `--tunnel-${path.join("-")}: ${reason}`)
      : ofTunnels.map(
          (name) =>
            `--${name}: expected with --forwarding tun alone, found it with ${forwarding}: only tun wraps packets`,
        )),
    ...(values.server !== undefined && !isChecked
      ? [
          "--server: expected with a gre tunnel with a checksum alone: nothing else needs the server's own address",
        ]
      : []),
    ...(forwarding === "nat" && values.format === "files"
      ? ["--format: expected commands with nat, found files: there is nothing to set up on the server"]
      : []),
  ];
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        address: { type: "string", multiple: true },
        forwarding: { type: "string" },
        tunnel: { type: "string" },
        "tunnel-port": { type: "string" },
        "tunnel-checksum": { type: "string" },
        server: { type: "string" },
        format: { type: "string", default: "commands" },
      },
    }).values;
  } catch (error) {
    throw new RealServerConfigUsageError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

function portOf(text: string, faults: string[]): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535)
    faults.push(`--tunnel-port: expected a whole number from 1 to 65535, found ${JSON.stringify(text)}`);
  return port;
}
