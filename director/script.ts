/**
 * What runs on a director: two fixed POSIX shell scripts, sent whole with every command so that nothing needs to be
 * installed. They need ipvsadm, flock (util-linux), sed and coreutils. Variable data reaches them on standard input
 * only. They hold no single quotes, because they travel inside a pair.
 */

/** What every script begins with: a known environment, the tools, the folders that only root may have made, the lock. */
export const COMMON = `
set -eu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/heye
registry=$state/registry
first=$state/registry.json
answer() { echo "heye 1 $1"; exit 0; }
for tool in ipvsadm flock sha256sum sed wc mv sync; do
  command -v "$tool" >/dev/null || answer "missing $tool"
done
ours() {
  if [ -L "$1" ] || [ ! -d "$1" ] || [ ! -O "$1" ]; then answer "unsafe $1"; fi
}
[ -e /run/heye ] || mkdir -m 700 /run/heye 2>/dev/null || :
ours /run/heye
exec 9>/run/heye/lock
lock() {
  status=0
  flock "$1" -w 20 -E 75 9 || status=$?
  case $status in 0) ;; 75) answer busy ;; *) answer unlockable ;; esac
  if [ -e "$state" ] || [ -L "$state" ]; then ours "$state"; fi
  find_registry
}
find_registry() {
  current=$registry
  if [ ! -e "$registry" ] && [ -e "$first" ]; then current=$first; fi
}
report() {
  find_registry
  echo "heye 1 $1"
  IFS= read -r kernel </proc/sys/kernel/osrelease
  echo "$kernel"
  if [ -s "$current" ]; then cat "$current"; else echo -; fi
  ipvsadm --save -n
  echo end
}
`;

/** Prints the director's state, then ipvsadm's version. A shared lock: never in the middle of a change. */
const READ = `${COMMON}
lock -s
report state
ipvsadm --version
`;

/**
 * Standard input: a line "EXPECTED DURING RULES AFTER", then three parts of so many bytes each, all of whole lines:
 * the registry to hold while the kernel is changed (lines marked d), lines for ipvsadm --restore (options, which begin
 * with a dash), the registry to hold afterwards (lines marked a); at last a line "complete". "-" in place of a registry's
 * size leaves the file as it is, 0 removes it.
 *
 * EXPECTED is the SHA-256 of the registry and the table that the sender computed the change from; when it is not
 * what is here now, nothing is changed and the state is reported instead. All input is on disk, in full, before
 * anything changes. Ownership is durable (written, synced, renamed, directory synced) before an entry appears in
 * the kernel, and until after it has gone. When ipvsadm complains or is killed, the later registry is not written:
 * it might disown entries that are still there.
 *
 * One sed cuts the input up, because it reads to the end: head takes more of a pipe than it was told to on some
 * systems, and each process costs milliseconds.
 */
const CHANGE = `${COMMON}
lock -x
in=$state/incoming
[ ! -e "$in" ] || rm -rf "$in"
cleanup() { rm -rf "$in"; rmdir "$state" 2>/dev/null || :; }
trap cleanup EXIT
unwritable() { echo "heye 1 unwritable"; printf "%s\\n" "$said"; exit 0; }
keep() {
  case "$2" in
    -) ;;
    0) rm -f "$registry" "$first" && sync "$state" ;;
    *)
      mv "$in/$1" "$registry" && sync "$state"
      if [ -e "$first" ]; then rm -f "$first" && sync "$state"; fi
      ;;
  esac
}
cuts= files= sizes= durable=
said=$(mkdir -p "$in" 2>&1) || unwritable
IFS=" " read -r expected during rules after || answer truncated
case "$during" in
  - | 0) ;;
  *)
    cuts="s/^d//w $in/during
"
    files=$in/during sizes=$during durable=$in/during
    ;;
esac
kept=$after
case "$after" in - | 0) kept=0 ;; *) durable="$durable $in/after" ;; esac
cuts="$cuts/^-/w $in/rules
s/^a//w $in/after
/^complete/w $in/complete
"
files="$files $in/rules $in/after $in/complete" sizes="$sizes $rules $kept 9"
said=$(sed -n "$cuts" 2>&1) || unwritable
complete=
read -r complete 2>/dev/null <"$in/complete" || :
if [ "$complete" != complete ]; then answer truncated; fi
set -- $(wc -c $files)
for size in $sizes; do
  if [ "$1" -ne "$size" ]; then said="it kept a part"; unwritable; fi
  shift 2
done
found=$({ if [ -e "$current" ]; then cat "$current"; fi; ipvsadm --save -n; } | sha256sum)
if [ "\${found%% *}" != "$expected" ]; then report changed; exit 0; fi
if [ -n "$durable" ]; then said=$(sync $durable 2>&1) || unwritable; fi
said=$(keep during "$during" 2>&1) || unwritable
said= status=0
if [ "$rules" -gt 0 ]; then said=$(ipvsadm --restore <"$in/rules" 2>&1) || status=$?; fi
if [ "$status" -gt 128 ] && [ "$status" -le 192 ]; then
  said="\${said:+$said
}ipvsadm --restore was killed by signal $((status - 128))"
fi
if [ -z "$said" ]; then keep after "$after"; fi
report applied
if [ -n "$said" ]; then printf "%s\\n" "$said"; fi
`;

/** The command that reads a director's state. */
export function readCommand(user: string): string {
  return command(READ, user);
}

/** The command that changes a director; its standard input comes from `changeInput`. */
export function changeCommand(user: string): string {
  return command(CHANGE, user);
}

/** A change as the script takes it: texts of whole lines, and undefined for a registry file that stays as it is. */
export interface ChangeInput {
  readonly expected: string;
  readonly during: string | undefined;
  readonly rules: string;
  readonly after: string | undefined;
}

/** Standard input of the change script. */
export function changeInput({ expected, during, rules, after }: ChangeInput): string {
  const size = (text: string | undefined) => (text === undefined ? "-" : Buffer.byteLength(text));
  const header = `${expected} ${size(during)} ${size(rules)} ${size(after)}\n`;
  return `${header}${marked("d", during)}${rules}${marked("a", after)}complete\n`;
}

function marked(mark: string, text = ""): string {
  return text.replace(/^(?=.)/gm, mark);
}

/** The command line of a script. Any login but root's goes through sudo, which must not ask for a password. */
export function command(script: string, user: string): string {
  return `${user === "root" ? "" : "sudo -n "}sh -c '${script}'`;
}
