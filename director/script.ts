/**
 * What runs on a director: one fixed POSIX shell script, sent when a conversation begins, which then answers requests
 * until its input ends. Nothing needs to be installed but ipvsadm, flock (util-linux), awk and coreutils (or busybox).
 * Requests reach it on standard input only; nothing of them is ever taken for shell text.
 *
 * A request is a line `ID VERB WORDS`, and for a change a body of so many bytes. The next one is sent only after the
 * answer: tools may read on to what is there, and nothing is. An answer ends with an empty line and `end ID STATUS`.
 *
 * Processes cost milliseconds on small machines, a command substitution costs one as well: what the shell can do itself
 * it does, and what one awk can do is not done by three tools. What a tool complains of goes to a file. See
 * docs/decisions/0019 for what a change is made of.
 */
import { CHANGE } from "./change-script";
import { LOOK } from "./look-script";
import { MERGE } from "./merge-script";
import { PLACE } from "./placement";

/** Where the kernel tells its table at a glance. */
export const PROCFS = "/proc/net/ip_vs";

const SCRIPT = `
set -fu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
exec 2>&1
state=/var/lib/heye
registry=$state/registry
first=$state/registry.json
settings=$state/settings
in=$state/incoming
run=/run/heye
request=$run/request.$$
rule_lines=$run/rules.$$
sums=$run/sums.$$
later_sums=$run/later.$$
found=$run/found.$$
unsorted=$run/unsorted.$$
table=$run/table.$$
limits=$run/limits.$$
errors=$run/errors.$$
glance=$run/glance.$$
foreseen=$run/foreseen.$$
procfs=${PROCFS}
files="$request $rule_lines $sums $later_sums $found $unsorted $table $limits $errors $glance $foreseen"
# The answer that what was seen at a glance belongs to.
seen=
newline="
"
merge='${MERGE}'
say() { printf "%s\\n" "$1"; }

# Ends the service of a request. What of its body was not read yet is taken off the input at last.
answer() {
  if [ -n "$locked" ]; then cleanup; fi
  say "heye 2 $1"
  return 1
}
unwritable() {
  answer unwritable || :
  if [ -s "$errors" ]; then cat "$errors"; fi
}

${PLACE}
ours() {
  if [ -L "$1" ] || [ ! -d "$1" ] || [ ! -O "$1" ]; then answer "unsafe $1"; fi
}
# A shell remembers where it found a program, also when it is no longer there.
prepare() {
  hash -r
  for tool in ipvsadm flock sha256sum sort awk head mv sync; do
    if ! command -v "$tool" >/dev/null; then answer "missing $tool"; return; fi
  done
  [ -e "$run" ] || mkdir -m 700 "$run" 2>/dev/null || :
  ours "$run"
}
# Held until the end of the request, or of this shell.
lock() {
  status=0
  command exec 9>"$run/lock" || status=1
  if [ "$status" -eq 0 ]; then flock "$1" -w 20 -E 75 9 2>"$errors" || status=$?; fi
  case $status in
    0) ;;
    75) answer busy; return ;;
    *) answer unlockable || cat "$errors"; return 1 ;;
  esac
  if [ -e "$state" ] || [ -L "$state" ]; then ours "$state" || return; fi
  find_registry
}
# The file of format 1 counts until one of format 2 is there.
find_registry() {
  current=/dev/null
  if [ -e "$registry" ]; then current=$registry; elif [ -e "$first" ]; then current=$first; fi
}

${LOOK}
${CHANGE}
serve() {
  id=$1
  verb=$2
  shift 2
  size=0 locked= broken=
  case $verb in read) look "$@" ;; change) change "$@" ;; esac
  exec 9>&-
  if [ "$size" -gt 0 ]; then head -c "$size" >/dev/null; fi
  # What may be large, or hold what only the one who asks may know.
  for file in $request $rule_lines $unsorted $table $limits; do
    if [ -s "$file" ]; then true >"$file"; fi
  done
  printf "\\nend %s 0\\n" "$id"
  if [ -n "$broken" ]; then remove; exit 0; fi
}
remove() {
  if [ -d "$run" ]; then rm -f $files; fi
}

# Left by one that was killed.
tidy() {
  if [ -L "$run" ] || [ ! -O "$run" ]; then return; fi
  set +f
  for left in "$run"/*.[0-9]*; do
    if [ -f "$left" ] && ! kill -0 "\${left##*.}" 2>/dev/null; then rm -f "$left"; fi
  done
  set -f
}

tidy
read -r kernel </proc/sys/kernel/osrelease
say "heye 2 $kernel"
if [ $# -gt 0 ]; then serve "$@"; fi
while IFS= read -r line; do serve $line; done
remove
`;

/**
 * The command that begins a conversation with a director.
 *
 * @param first words of a request without a body, answered at once; never a value that a user gave
 */
export function shellCommand(user: string, first = ""): string {
  const script = `sh -c '${SCRIPT.replaceAll("'", "'\\''")}' heye ${first}`.trimEnd();
  // Any login but root's goes through sudo, which must not ask for a password.
  return user === "root" ? script : `sudo -n ${script}`;
}
