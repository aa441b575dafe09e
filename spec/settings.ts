import * as z from "zod";
import { wholeNumber, word } from "./fields";
import type { IsUnknown } from "./parse";
import type { Problem } from "./problem";
import { isRecord } from "./record";

/** Switches of the kernel that have a name of their own, and the sysctls behind each. */
const SWITCHES = {
  ipForward: ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"],
  expireNodestConn: ["net.ipv4.vs.expire_nodest_conn"],
  expireQuiescentTemplate: ["net.ipv4.vs.expire_quiescent_template"],
  sloppyTcp: ["net.ipv4.vs.sloppy_tcp"],
  sloppySctp: ["net.ipv4.vs.sloppy_sctp"],
  conntrack: ["net.ipv4.vs.conntrack"],
  scheduleIcmp: ["net.ipv4.vs.schedule_icmp"],
  connReuseMode: ["net.ipv4.vs.conn_reuse_mode"],
} as const;

/** A setting that has a name of its own. */
export type NamedSetting = keyof typeof SWITCHES;

const named = Object.entries(SWITCHES) as [NamedSetting, readonly string[]][];

/**
 * A sysctl by the spelling of sysctl(8): dots between its parts, `/` for a dot inside a part (`eth0/100`). Only `net.`:
 * what belongs to the network of a director. Others concern the whole machine, and some of them name programs that
 * the kernel runs as root.
 */
const sysctlName = z.string().regex(/^(?=.{5,200}$)net(\.[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*)+$/, {
  error: ({ input }) =>
    `expected names of sysctls below net., as sysctl(8) spells them (net.ipv4.vs.drop_entry), found ${JSON.stringify(input)}: others concern the whole machine, not its forwarding`,
});

const sysctlValue = z
  .string({ error: 'expected a value as text ("1")' })
  .regex(/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/, {
    error: "expected 1 to 255 printable ASCII characters on one line",
  });

const flag = z.boolean({ error: "expected true or false" });

/** Most modules that can be named. */
const MODULES_MAX = 64;

/** Schema of a director's kernel settings. What is left out is left as it is there. */
export const settings = z
  .strictObject({
    modules: z
      .array(
        z
          .string({ error: "expected the name of a kernel module" })
          .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,55}$/, { error: "expected the name of a kernel module" })
          .transform((name) => name.replaceAll("-", "_")),
        { error: "expected a list of kernel modules" },
      )
      .max(MODULES_MAX, { error: `expected at most ${MODULES_MAX} modules` })
      .optional()
      .describe("kernel modules to load"),
    ipForward: flag.optional().describe("forward packets, in both address families"),
    expireNodestConn: flag.optional().describe("drop connections of servers that are gone at once"),
    expireQuiescentTemplate: flag.optional().describe("persistent clients leave a server of weight 0"),
    sloppyTcp: flag.optional().describe("take over TCP connections that began elsewhere"),
    sloppySctp: flag.optional().describe("take over SCTP associations that began elsewhere"),
    conntrack: flag.optional().describe("keep connection tracking for what IPVS forwards"),
    scheduleIcmp: flag
      .optional()
      .describe("forward ICMP errors of connections that this director does not know"),
    connReuseMode: z
      .union([z.literal(0), z.literal(1), z.literal(2)], { error: "expected 0, 1 or 2" })
      .optional()
      .describe("what a client's reused port means; see the kernel's ipvs-sysctl"),
    sysctls: z
      .record(sysctlName, sysctlValue, { error: "expected names of sysctls with their values" })
      .optional()
      .describe("any other sysctl below net., by its whole name"),
  })
  .describe("kernel settings of every director");

/** Kernel settings as declared. */
export type Settings = z.output<typeof settings>;

/**
 * The longest that every kernel takes: an int of jiffies, of which there may be 1,000 a second (ip_vs_ctl.c,
 * ip_vs_set_timeout). ipvsadm takes 31 days.
 */
const TIMEOUT_MAX_S = Math.floor((2 ** 31 - 1) / 1000);

const timeoutS = wholeNumber(1, TIMEOUT_MAX_S).optional();

/** Schema of IPVS timeouts, in seconds. What is left out is left as it is there. */
export const timeouts = z
  .strictObject({
    tcpS: timeoutS.describe("idle TCP connections; the kernel's default is 900"),
    tcpFinS: timeoutS.describe("TCP connections after a FIN; the kernel's default is 120"),
    udpS: timeoutS.describe("UDP; the kernel's default is 300"),
  })
  .describe("after how many idle seconds IPVS forgets a connection");

/** IPVS timeouts as declared, in seconds. */
export type Timeouts = z.output<typeof timeouts>;

/** Where a virtual address is put on the directors. */
export const PLACEMENTS = ["none", "lo", "dummy"] as const;
/** Schema of {@link PLACEMENTS}. */
export const addressPlacement = word(PLACEMENTS);

/** Programs that delete IPVS entries which they do not know. */
export const RIVALS = ["keepalived", "kube-proxy"] as const;
/** See {@link RIVALS}. */
export type Rival = (typeof RIVALS)[number];

/** Schema of how a change goes over the directors. */
export const rollout = z
  .strictObject({
    canary: wholeNumber(0, 254).optional().describe("directors of the first wave"),
    waveSize: wholeNumber(1, 254).optional().describe("directors of each further wave"),
    pauseMs: wholeNumber(0, 3_600_000).optional().describe("milliseconds between waves"),
    maxFailures: wholeNumber(0, 254).optional().describe("failed directors that do not stop the change"),
  })
  .describe("waves of directors that are changed together");

/** How a change goes over the directors, as declared. */
export type Rollout = z.output<typeof rollout>;

/** Names of the timeouts among {@link KernelValues}; no sysctl has one like these. */
export const TIMEOUT_KEYS = {
  tcpS: "ipvs timeout tcp",
  tcpFinS: "ipvs timeout tcpfin",
  udpS: "ipvs timeout udp",
} as const;

/** Settings of a kernel by name: sysctls by their whole name, timeouts by {@link TIMEOUT_KEYS}. */
export type KernelValues = Readonly<Record<string, string>>;

/** The sysctls that a named setting stands for. */
export function sysctlsOf(setting: NamedSetting): readonly string[] {
  return SWITCHES[setting];
}

/** What a kernel is to hold, in the order in which it is to be set: ip_forward first, because it resets others. */
export function kernelValues(of: {
  readonly settings?: Settings | undefined;
  readonly timeouts?: Timeouts | undefined;
}): KernelValues {
  const values: Record<string, string> = {};
  for (const [setting, sysctls] of named) {
    const value = of.settings?.[setting];
    if (value !== undefined) for (const name of sysctls) values[name] = String(Number(value));
  }
  const others = Object.entries(of.settings?.sysctls ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of others) values[name] = tidy(value);
  for (const [field, key] of Object.entries(TIMEOUT_KEYS) as [keyof Timeouts, string][]) {
    const value = of.timeouts?.[field];
    if (value !== undefined) values[key] = String(value);
  }
  return values;
}

/** A sysctl's value in one spelling: the kernel prints tabs between the numbers of a list. */
export function tidy(value: string): string {
  return value.trim().replace(/\s+/g, " ");
}

/** Names of a variable that the kernel has under another one too (devinet.c: both are `ipv4_devconf.forwarding`). */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  "net.ipv4.conf.all.forwarding": "net.ipv4.ip_forward",
};

/** Rules between a cluster's settings. */
export function settingsProblems(value: Settings | undefined, isUnknown: IsUnknown): Problem[] {
  if (!isRecord(value) || !isRecord(value.sysctls)) return [];
  const { sysctls, ...others } = value as Settings & { sysctls: Record<string, unknown> };
  return Object.keys(sysctls).flatMap((name) => {
    const variable = Object.hasOwn(OTHER_NAMES, name) ? (OTHER_NAMES[name] ?? name) : name;
    const path = ["settings", "sysctls", name];
    const problem = (twin: string) => ({
      path,
      reason: `expected it once, found ${twin} too, which sets the same`,
    });
    const setting = named.find(([, names]) => names.includes(variable))?.[0];
    const declared = setting === undefined ? undefined : others[setting];
    if (declared !== undefined && !isUnknown(declared)) return [problem(`settings.${setting}`)];
    return variable !== name && Object.hasOwn(sysctls, variable) ? [problem(`sysctl ${variable}`)] : [];
  });
}
