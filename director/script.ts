/**
 * What runs on a director: two fixed POSIX shell scripts, sent whole with every command so that nothing needs to be
 * installed. They need ipvsadm, flock (util-linux) and coreutils. Variable data reaches them on standard input
 * only. They hold no single quotes, because they travel inside a pair.
 */

const COMMON = `
set -eu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/heye
registry=$state/registry.json
for tool in ipvsadm flock sha256sum head mv sync; do
  command -v "$tool" >/dev/null || { echo "heye 1 missing $tool"; exit 0; }
done
[ -d /run/heye ] || mkdir -p /run/heye
exec 9>/run/heye/lock
report() {
  echo "heye 1 $1"
  IFS= read -r kernel </proc/sys/kernel/osrelease
  echo "$kernel"
  if [ -s "$registry" ]; then cat "$registry"; else echo -; fi
  ipvsadm --save -n
  echo end
}
`;

/** Prints the director's state, then ipvsadm's version. A shared lock: never in the middle of a change. */
const READ = `${COMMON}
flock -s -w 20 9 || { echo "heye 1 busy"; exit 0; }
report state
ipvsadm --version
`;

/**
 * Standard input: a line "EXPECTED DURING RULES AFTER", then three parts of so many bytes each: the registry to
 * hold while the kernel is changed, lines for ipvsadm --restore, the registry to hold afterwards; at last a line
 * "complete". "-" in place of a registry's size leaves the file as it is, 0 removes it.
 *
 * EXPECTED is the SHA-256 of the registry and the table that the sender computed the change from; when it is not
 * what is here now, nothing is changed and the state is reported instead. All input is in hand before anything
 * changes. Ownership is durable (written, synced, renamed, directory synced) before an entry appears in the kernel,
 * and until after it has gone. When ipvsadm complains the later registry is not written: it might disown entries
 * that are still there.
 */
const CHANGE = `${COMMON}
flock -x -w 20 9 || { echo "heye 1 busy"; exit 0; }
in=$state/incoming
[ ! -e "$in" ] || rm -rf "$in"
mkdir -p "$in"
cleanup() { rm -rf "$in"; rmdir "$state" 2>/dev/null || :; }
trap cleanup EXIT
take() {
  if [ "$2" != - ]; then head -c "$2" >"$in/$1"; fi
}
keep() {
  if [ "$2" = - ]; then return 0; fi
  if [ "$2" -eq 0 ]; then rm -f "$registry"; else sync "$in/$1"; mv "$in/$1" "$registry"; fi
  sync "$state"
}
IFS=" " read -r expected during rules after
take during "$during"
take rules "$rules"
take after "$after"
read -r complete || :
if [ "$complete" != complete ]; then echo "heye 1 truncated"; exit 0; fi
ipvsadm --save -n >"$in/table"
found=$(cat "$registry" "$in/table" 2>/dev/null | sha256sum)
if [ "\${found%% *}" != "$expected" ]; then report changed; exit 0; fi
keep during "$during"
: >"$in/said"
if [ "$rules" -gt 0 ]; then ipvsadm --restore <"$in/rules" >"$in/said" 2>&1 || :; fi
if [ ! -s "$in/said" ]; then keep after "$after"; fi
report applied
if [ -s "$in/said" ]; then cat "$in/said"; fi
`;

/** The command that reads a director's state. */
export function readCommand(user: string): string {
  return command(READ, user);
}

/** The command that changes a director; its standard input comes from `changeInput`. */
export function changeCommand(user: string): string {
  return command(CHANGE, user);
}

/** A change as the script takes it: texts, and undefined for a registry file that stays as it is. */
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
  return `${header}${during ?? ""}${rules}${after ?? ""}complete\n`;
}

/** Any login but root's goes through sudo, which must not ask for a password. */
function command(script: string, user: string): string {
  return `${user === "root" ? "" : "sudo -n "}sh -c '${script}'`;
}
