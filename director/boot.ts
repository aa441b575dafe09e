/**
 * Restoring at boot: a systemd unit and the POSIX shell script that it runs on a director, from durable files there,
 * with nothing of ours but these. Written by the change of settings (settings-script.ts), removed by it.
 */
import { createHash } from "node:crypto";
import { PLACE } from "./placement";
import { SANDBOX } from "./sandbox";
import { bootModules, restoresAtBoot, type SettingsRecord } from "./settings-record";

/** Where the files of restoring at boot lie. */
export const BOOT_FILES = {
  unit: "/etc/systemd/system/heye-restore.service",
  link: "/etc/systemd/system/multi-user.target.wants/heye-restore.service",
  modules: "/etc/modules-load.d/heye.conf",
  script: "/var/lib/heye/restore",
} as const;

/**
 * After the machine's own modules and sysctls, so that ours have the last word; before the network counts as online
 * and before what announces addresses to a switch, so that no packet meets an empty table. Not before the network
 * itself (network-pre.target): cloud-init orders that before the basic system, which would close a circle.
 */
export const UNIT = `# Written by pulumi-heye (Cluster.restoreAtBoot); removed when that is switched off.
[Unit]
Description=Restore the IPVS settings and entries of pulumi-heye
ConditionPathExists=${BOOT_FILES.script}
RequiresMountsFor=/var/lib/heye
After=systemd-modules-load.service systemd-sysctl.service
Wants=network-online.target
Before=network-online.target bird.service frr.service exabgp.service gobgpd.service keepalived.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${BOOT_FILES.script}
TimeoutStartSec=120
${SANDBOX}
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;

/**
 * Brings back settings, then entries, in the order in which they were recorded, and only what is missing: a service
 * that stands there already is somebody's, and is left as it is. Running it again changes nothing.
 */
export const RESTORE_SCRIPT = `#!/bin/sh
# Written by pulumi-heye (Cluster.restoreAtBoot); run by heye-restore.service.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/heye
status=0
failed() { echo "heye-restore: $1" >&2; status=1; }
mkdir -p -m 700 /run/heye
exec 9>/run/heye/lock
flock -x -w 60 9 || { echo "heye-restore: the lock is held" >&2; exit 1; }

if [ -s ${BOOT_FILES.modules} ]; then
  while IFS= read -r module; do
    [ -d "/sys/module/$module" ] || modprobe "$module" || failed "cannot load $module"
  done <${BOOT_FILES.modules}
fi
# Loads ip_vs where nobody has: its sysctls do not exist before that.
ipvsadm --save -n >/dev/null || failed "no access to IPVS"

if [ -s "$state/settings" ]; then
  while IFS=" " read -r word boot path value; do
    [ "$boot" = boot ] || continue
    case "$word" in
      sysctl) printf "%s\\n" "$value" >"/proc/sys/$path" || failed "$path does not take $value" ;;
      timeouts) ipvsadm --set "$path" $value || failed "timeouts $path $value" ;;
    esac
  done <"$state/settings"
fi

# The rules of all virtual servers that are to be restored and do not stand in the table.
missing() {
  ipvsadm --save -n >/run/heye/table || return 1
  awk -F '\t' '
    function identity(rule, word) {
      split(rule, word, " ")
      return word[2] " " word[3] (word[4] == "-6" ? " -6" : "")
    }
    part == 1 && /^entries boot / { owners[substr($0, 14)] }
    part == 2 && /^-A / { stands[identity($0)] }
    part == 3 && /^service / {
      split($1, name, " ")
      if (!(name[2] in owners) || identity($3) in stands) next
      for (i = 3; i <= NF; i++) print $i
    }
  ' part=1 "$state/settings" part=2 /run/heye/table part=3 "$state/registry" >/run/heye/missing
}
if [ -s "$state/settings" ] && [ -s "$state/registry" ]; then
  missing || failed "the table cannot be read"
  if [ -s /run/heye/missing ]; then
    ipvsadm --restore </run/heye/missing || :
    # The status of --restore is that of its last line: what stands there now decides.
    missing && [ ! -s /run/heye/missing ] || failed "these entries are not restored: $(cat /run/heye/missing)"
  fi
  rm -f /run/heye/table /run/heye/missing
fi

# Last, so that no packet to an address meets a table without its virtual server.
settings=$state/settings
registry=$state/registry
${PLACE}
unplaced_words=$(place)
[ -z "$unplaced_words" ] || failed "$unplaced_words"
exit "$status"
`;

/** The files of restoring at boot as they are to lie on a director; undefined when nobody wants it there. */
export function bootFiles(
  settings: SettingsRecord,
): { unit: string; script: string; modules: string } | undefined {
  if (!restoresAtBoot(settings)) return undefined;
  const modules = bootModules(settings)
    .map((name) => `${name}\n`)
    .join("");
  return { unit: UNIT, script: RESTORE_SCRIPT, modules };
}

/** The digest that a director tells of these files. */
export function bootDigest(settings: SettingsRecord): string {
  const files = bootFiles(settings);
  const text = files ? `${files.unit}${files.script}${files.modules}${BOOT_FILES.unit}\n` : "";
  return createHash("sha256").update(text).digest("hex");
}
