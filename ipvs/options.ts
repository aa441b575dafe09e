const CHECKSUM_OPTIONS = { none: "--tun-nocsum", normal: "--tun-csum", remote: "--tun-remcsum" } as const;

/** Options of a service besides its scheduler. Everything absent is ipvsadm's default. */
export interface ServiceOptions {
  readonly persistence?:
    | { readonly timeoutS: number; readonly prefixLength: number; readonly engine?: string | undefined }
    | undefined;
  readonly onePacket?: boolean | undefined;
  /** Names of flags, in ipvsadm's order. */
  readonly flags?: readonly string[] | undefined;
}

/** Options of a destination besides method, weight and thresholds. Everything absent is ipvsadm's default. */
export interface DestinationOptions {
  readonly tunnel?:
    | {
        readonly type: string;
        readonly port?: number | undefined;
        readonly checksum: keyof typeof CHECKSUM_OPTIONS;
      }
    | undefined;
}

/**
 * A service's options as {@link Service.extra} has them: ipvsadm's own words in its own order (ipvsadm.c,
 * print_service_entry), so that what was written and what is read back are the same text.
 *
 * @param bits of a whole address of the service's family: 32 or 128
 */
export function serviceExtra(options: ServiceOptions, bits: number): string {
  const { persistence, onePacket, flags } = options;
  const words: string[] = [];
  if (persistence) {
    words.push(`-p ${persistence.timeoutS}`);
    if (persistence.prefixLength !== bits) words.push(`-M ${granularity(persistence.prefixLength, bits)}`);
    if (persistence.engine !== undefined) words.push(`--pe ${persistence.engine}`);
  }
  if (onePacket) words.push("-o");
  if (flags && flags.length > 0) words.push(`-b ${flags.join(",")}`);
  return words.join(" ");
}

/** A destination's options as {@link Destination.extra} has them; see {@link serviceExtra}. */
export function destinationExtra({ tunnel }: DestinationOptions): string {
  if (!tunnel || tunnel.type === "ipip") return "";
  const port = tunnel.port === undefined ? "" : ` --tun-port ${tunnel.port}`;
  return `--tun-type ${tunnel.type}${port} ${CHECKSUM_OPTIONS[tunnel.checksum]}`;
}

function granularity(prefixLength: number, bits: number): string {
  if (bits !== 32) return String(prefixLength);
  const mask = prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join(".");
}

/** The inverse of {@link destinationExtra}. */
export function readDestinationExtra(extra: string): DestinationOptions {
  const words = wordsOf(extra);
  const [type, port] = [after(words, "--tun-type"), numberAfter(words, "--tun-port")];
  const checksum = words.includes("--tun-csum")
    ? "normal"
    : words.includes("--tun-remcsum")
      ? "remote"
      : "none";
  return {
    ...(type !== undefined && { tunnel: { type, ...(port !== undefined && { port }), checksum } }),
  };
}

function wordsOf(extra: string): string[] {
  return extra === "" ? [] : extra.split(" ");
}

function after(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at === -1 ? undefined : words[at + 1];
}

function numberAfter(words: readonly string[], option: string): number | undefined {
  const word = after(words, option);
  return word !== undefined && /^[0-9]+$/.test(word) ? Number(word) : undefined;
}
