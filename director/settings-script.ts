/**
 * The scripts for a director's kernel settings, in the manner of script.ts: fixed texts without single quotes, data on
 * standard input. Each line of input begins with a word that says what it is; the last line is "complete".
 */
import { BOOT_FILES } from "./boot";
import { PLACE } from "./placement";
import { RIVALS_THERE } from "./rivals";
import { COMMON } from "./root-script";

/**
 * Reports what the director is and what its kernel holds: lines that begin with a word, then "end". `names` holds the
 * paths of sysctls that the sender asks about; those that are owned are told in any case. Mostly builtins, because a
 * cluster asks all its directors at the same time, and each process costs milliseconds.
 */
const REPORT = `
settings=$state/settings
${PLACE}
${RIVALS_THERE}
facts() {
  echo "architecture $(uname -m)"
  if [ -r /etc/os-release ]; then
    while IFS="=" read -r word value; do
      if [ "$word" = PRETTY_NAME ]; then echo "distribution $value"; fi
    done </etc/os-release
  fi
  echo "ipvsadm $(ipvsadm --version 2>&1)"
  for folder in /sys/module/ip_vs*; do echo "module \${folder##*/}"; done
  modules=/lib/modules/$kernel
  for file in "$modules/modules.builtin" "$modules/modules.dep"; do
    if [ -r "$file" ]; then sed -n "s/^[^:]*\\/\\(ip_vs[a-z_]*\\)\\.ko.*/module \\1/p" "$file"; fi
  done
  if [ ! -d /proc/sys/net/ipv6 ]; then echo "without ipv6"; fi
  if [ -e "$state/agent" ]; then echo "with agent"; fi
  rivals
}
report_settings() {
  echo "heye 1 $1"
  echo "clock $(date +%s.%N)"
  IFS= read -r kernel </proc/sys/kernel/osrelease
  echo "kernel $kernel"
  ipvsadm -L --timeout
  if [ -s "$settings" ]; then
    while IFS= read -r line; do printf "file %s\\n" "$line"; done <"$settings"
    while IFS=" " read -r word when name rest; do
      if [ "$word" = sysctl ]; then names="$names
$name"; fi
    done <"$settings"
  fi
  printf "%s\\n" "$names" | while IFS= read -r name; do
    if [ -z "$name" ] || [ ! -f "/proc/sys/$name" ]; then continue; fi
    value=
    IFS= read -r value 2>/dev/null <"/proc/sys/$name" || [ -n "$value" ] || continue
    printf "sysctl %s %s\\n" "$name" "$value"
  done
  if [ -s "$settings" ]; then unplaced; fi
  boot=
  for file in ${Object.values(BOOT_FILES).join(" ")}; do
    if [ -e "$file" ] || [ -L "$file" ]; then boot=some; fi
  done
  if [ -n "$boot" ]; then
    boot=$({ cat ${BOOT_FILES.unit} ${BOOT_FILES.script} ${BOOT_FILES.modules} || :; readlink ${BOOT_FILES.link} || :; } 2>/dev/null | sha256sum)
    echo "boot \${boot%% *}"
  fi
  if [ "$1" = settings ]; then facts; fi
  echo "clock $(date +%s.%N)"
  echo end
}
`;

/**
 * Loads modules, then reports. Input: "name PATH" for each sysctl asked about, "module NAME" for each to be loaded.
 * Loading comes first, and is never undone: a module's settings exist only when it is loaded, one that nobody uses does
 * nothing, and one that is unloaded may be in use by others.
 */
export const OBSERVE_SETTINGS = `${COMMON}${REPORT}
names= missing= whole=
while IFS=" " read -r word value; do
  case "$word" in
    complete) whole=yes ;;
    name) names="$names
$value" ;;
    module)
      if [ ! -d "/sys/module/$value" ]; then
        said=$(modprobe "$value" 2>&1) || missing="$missing$value: $said
"
      fi ;;
  esac
done
if [ -z "$whole" ]; then answer truncated; fi
if [ -n "$missing" ]; then echo "heye 1 modules"; printf "%s" "$missing"; exit 0; fi
lock -s
report_settings settings
`;

/**
 * Changes settings and their record. Input: "expect DIGEST" (the record's file as it was read, else nothing is changed
 * and the state is reported), "during LINE" and "after LINE" (the record's lines; none removes it), "set PATH VALUE",
 * "timeouts TCP TCPFIN UDP", "boot on" with "unit LINE", "script LINE", "modules LINE", or "boot off"; "name PATH".
 *
 * As with entries: the record is durable before the kernel changes, and the later one is written only when nobody
 * complained. Whether the change worked is decided by whoever reads the report.
 */
export const CHANGE_SETTINGS = `${COMMON}${REPORT}
in=/run/heye/settings.$$
locked=
cleanup() {
  rm -f "$in"
  if [ -n "$locked" ]; then rm -f "$settings.new"; rmdir "$state" 2>/dev/null || :; fi
}
trap cleanup EXIT
unwritable() { echo "heye 1 unwritable"; printf "%s\\n" "$said"; exit 0; }
# Before the lock: nobody waits for a sender that is slow, or gone.
said=$({ cat >"$in"; } 2>&1) || unwritable
if [ "$(tail -n 1 "$in")" != complete ]; then answer truncated; fi
lock -x
locked=yes
said=$(mkdir -p "$state" 2>&1) || unwritable
part() { sed -n "s/^$1 //p" "$in"; }
names=$(part name)
found=$(cat "$settings" 2>/dev/null | sha256sum)
if [ "\${found%% *}" != "$(part expect)" ]; then report_settings changed; exit 0; fi
put() { part "$1" >"$2.new" && sync "$2.new" && chmod "$3" "$2.new" && mv "$2.new" "$2"; }
record() {
  if [ -n "$(part "$1")" ]; then put "$1" "$settings" 600; else rm -f "$settings"; fi && sync "$state"
}
said=$(record during 2>&1) || unwritable
complaints=
complain() { complaints="$complaints$1
"; }
while IFS=" " read -r word path value; do
  case "$word" in
    set) said=$({ printf "%s\\n" "$value" >"/proc/sys/$path"; } 2>&1) || complain "$path: $said" ;;
    timeouts) said=$(ipvsadm --set $path $value 2>&1) || complain "ipvsadm --set $path $value: $said" ;;
  esac
done <"$in"
has_systemd() { [ -d /run/systemd/system ]; }
reload() { if has_systemd; then systemctl daemon-reload; fi; }
on() {
  mkdir -p ${folderOf(BOOT_FILES.unit)} ${folderOf(BOOT_FILES.link)} ${folderOf(BOOT_FILES.modules)} &&
    put script ${BOOT_FILES.script} 700 && put unit ${BOOT_FILES.unit} 644 &&
    if [ -n "$(part modules)" ]; then put modules ${BOOT_FILES.modules} 644; else rm -f ${BOOT_FILES.modules}; fi &&
    ln -sfn ${BOOT_FILES.unit} ${BOOT_FILES.link} && reload
}
off() {
  # It counts as active since the boot, and without this systemd would remember it until the next one. It ends nothing.
  if has_systemd; then systemctl stop heye-restore.service 2>/dev/null || :; fi
  rm -f ${BOOT_FILES.link} ${BOOT_FILES.unit} ${BOOT_FILES.script} ${BOOT_FILES.modules} && reload
}
case "$(part boot)" in
  on) said=$(on 2>&1) || complain "restore at boot: $said" ;;
  off) said=$(off 2>&1) || complain "restore at boot: $said" ;;
esac
if [ -z "$complaints" ]; then said=$(record after 2>&1) || unwritable; fi
spots=$(place 2>&1) || :
report_settings applied
printf "%s" "$complaints"
if [ -n "$spots" ]; then printf "%s\\n" "$spots"; fi
`;

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
