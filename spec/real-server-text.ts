import {
  type Command,
  type RealServerRole,
  type RealServerSetup,
  realServerSetup,
} from "./real-server-config";

/** How a real server's set-up is written down: to be run now, or to be kept over reboots. */
export const CONFIG_FORMATS = ["commands", "files"] as const;

/** See {@link CONFIG_FORMATS}. */
export type ConfigFormat = (typeof CONFIG_FORMATS)[number];

/**
 * What a Linux host needs to be a real server: shell commands that can be repeated, or the files that do the same at
 * every boot. The same text for the same input.
 *
 * @throws RealServerRoleError
 */
export function realServerConfig(role: RealServerRole, format: ConfigFormat = "commands"): string {
  const setup = realServerSetup(role);
  const lines = format === "commands" ? commands(setup) : files(setup);
  return `${[...title(role, format), ...setup.advice.map((text) => `# ${text}`), ...lines].join("\n")}\n`;
}

function title({ addresses, forwarding, tunnel }: RealServerRole, format: ConfigFormat): string[] {
  const how = forwarding === "tun" ? `tun (${tunnel?.type ?? "ipip"})` : forwarding;
  const first = `# Real server for ${addresses.join(", ")} by ${how}.`;
  if (forwarding === "nat") return [first];
  return [
    first,
    format === "commands"
      ? "# As root; can be run again; is gone after a reboot (--format files is not)."
      : "# As root: write these files, then `systemctl daemon-reload && systemctl enable --now heye-realserver`.",
  ];
}

function commands({ modules, sysctls, commands: made, deviceSysctls }: RealServerSetup): string[] {
  const set = ([name, value]: readonly [string, string]) => `sysctl -w ${name}=${value}`;
  return [
    ...(modules.length > 0 ? [`modprobe -a ${modules.join(" ")}`] : []),
    ...sysctls.map(set),
    ...made.flatMap((one) => [...(one.once ? [`${words(one.undo)} 2>/dev/null || :`] : []), words(one.make)]),
    ...deviceSysctls.map(set),
  ];
}

function files(setup: RealServerSetup): string[] {
  const { modules, sysctls, commands: made, deviceSysctls } = setup;
  if (made.length === 0) return [];
  const undo = [...made].reverse().map((one) => `ExecStop=-${words(one.undo)}`);
  return [
    ...file("/etc/modules-load.d/heye-realserver.conf", modules),
    ...file(
      "/etc/sysctl.d/50-heye-realserver.conf",
      sysctls.map(([name, value]) => `${name} = ${value}`),
    ),
    ...file("/etc/systemd/system/heye-realserver.service", [
      "[Unit]",
      "Description=Virtual addresses of this real server",
      "Wants=network.target",
      "After=systemd-modules-load.service systemd-sysctl.service network.target",
      "",
      "[Service]",
      "Type=oneshot",
      "RemainAfterExit=yes",
      ...made.flatMap(starts),
      ...deviceSysctls.map(([name, value]) => `ExecStart=sysctl -w ${name}=${value}`),
      ...undo,
      "",
      "[Install]",
      "WantedBy=multi-user.target",
    ]),
  ];
}

function starts(one: Command): string[] {
  return [...(one.once ? [`ExecStart=-${words(one.undo)}`] : []), `ExecStart=${words(one.make)}`];
}

function file(path: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `# ==> ${path} <==`, ...lines];
}

/** Words are addresses, numbers and names of ours: nothing in them means anything to a shell. */
function words(command: readonly string[]): string {
  return command.join(" ");
}
