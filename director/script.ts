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
files="$request $rule_lines $sums $later_sums $found $unsorted $table $limits $errors $glance $foreseen"
# The answer that what was seen at a glance belongs to.
seen=
newline="
"
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

# The table's lines in a file, in their order.
whole() {
  ipvsadm --save -n >"$unsorted" 2>&1 || :
  sort "$unsorted" >"$table"
}
thresholds() { ipvsadm --list -n --thresholds --nosort; }
# Proves files by the digests in another, and says of those that the sender may know whether they are the same.
proved() {
  status=0
  sha256sum -c "$1" >"$found" 2>/dev/null || status=$?
  registry_is=text table_is=text limits_is=text
  while IFS= read -r line; do
    case $line in
      "$current: OK") registry_is=same ;;
      "$table: OK") table_is=same ;;
      "$limits: OK") limits_is=same ;;
    esac
  done <"$found"
  return "$status"
}

# What the sender does not know: registry_is, table_is and limits_is say which parts are as it expects. Asked for anew:
# files of ours may have lost their ends where there was no room for them.
report() {
  say "heye 2 $1"
  say "= registry $registry_is"
  if [ "$registry_is" = text ] && [ "$current" != /dev/null ]; then cat "$current"; fi
  say "= table $table_is"
  if [ "$table_is" = text ]; then ipvsadm --save -n || :; fi
  if [ -n "$limits_is" ]; then
    say "= limits $limits_is"
    if [ "$limits_is" = text ]; then thresholds || :; fi
  fi
  say "= messages"
}

merge='${MERGE}'

# REGISTRY TABLE LIMITS SEEN: digests of what the sender knows of registry, table and thresholds ("-": nothing; for
# thresholds "none": it does not ask), and the answer that told it, where the table may be compared with that one at a
# glance. What is seen at a glance is older than the table, so that a change between the two is noticed.
look() {
  prepare || return
  lock -s || return
  before=$4
  if [ "$before" != "$seen" ]; then before=-; fi
  seen= status=0
  awk -v mode=look -v procfs=${PROCFS} -v glance="$glance" -v before="$before" "$merge" 2>/dev/null || status=$?
  at_a_glance=
  case $status in
    0) seen=$id at_a_glance=same ;;
    4) seen=$id ;;
  esac
  if [ "$1" = - ]; then
    registry_is=text table_is=text limits_is=text
  else
    say "$1  $current" >"$sums"
    if [ -z "$at_a_glance" ]; then
      whole
      say "$2  $table" >>"$sums"
    fi
    case $3 in
      none | -) ;;
      *) thresholds >"$limits" 2>&1 || :
        say "$3  $limits" >>"$sums" ;;
    esac
    proved "$sums" || :
    if [ -n "$at_a_glance" ]; then table_is=same; fi
  fi
  if [ "$3" = none ]; then limits_is=; fi
  report state
}

# DURING AFTER RULES BASE SIZE SEEN DOUBTED: whether there is another registry to hold while the kernel is changed ("-":
# as before), and afterwards ("none": no file); whether there are rules; whether the lines of the body are merged into the
# registry ("delta") or are the whole of it; the body's size; the answer that told the state which the change was computed
# from, where the table may be compared with that one at a glance; whether the table in the end has to be read whole.
# The body begins with the digests of all that; see the awk program.
#
# Everything is on disk, in full and verified, before anything changes. When what is here is not what the sender knows,
# nothing is changed and it is told. Ownership is durable (written, synced, renamed, folder synced) before an entry
# appears in the kernel, and until after it has gone. When ipvsadm complains or is killed, the later registry is not
# written: it might disown entries that are still there.
change() {
  during=$1 after=$2 rules=$3 base=$4 size=$5 before=$6 doubted=$7 limits_is=
  prepare || return
  # Before the lock: nobody waits for a sender that is slow, or gone. Where it fails, nobody knows how much was read.
  if ! { head -c "$size" >"$request"; } 2>"$errors"; then size=0 broken=yes; unwritable; return; fi
  size=0
  lock -x || return
  locked=yes
  if [ -e "$state/agent" ]; then answer agent; return; fi
  if [ ! -e "$state" ] && ! mkdir -p "$state" 2>"$errors"; then unwritable; return; fi
  if [ "$base" = whole ]; then base=/dev/null; else base=$current; fi
  during_to=$in.during after_to=$in.after durable=
  if [ "$during" = - ]; then during_to=/dev/null; else durable=$during_to; fi
  case $after in - | none) after_to=/dev/null ;; *) durable="$durable $after_to" ;; esac
  if [ "$before" != "$seen" ]; then before=-; fi
  seen= status=0
  awk -v mode=merge -v procfs=${PROCFS} -v glance="$glance" -v foreseen="$foreseen" -v before="$before" \
    -v request="$request" -v current="$current" -v base="$base" -v rules="$rule_lines" -v during="$during_to" \
    -v after="$after_to" -v table="$table" -v sums="$sums" -v later_sums="$later_sums" "$merge" 2>"$errors" || status=$?
  case $status in
    0 | 4) ;;
    3) answer truncated; return ;;
    *) unwritable; return ;;
  esac
  if [ -s "$errors" ]; then unwritable; return; fi
  at_a_glance=same
  if [ "$status" -eq 4 ]; then at_a_glance=; whole; fi
  if ! proved "$sums"; then differ; return; fi
  if [ -n "$durable" ] && ! sync $durable 2>"$errors"; then unwritable; return; fi
  if [ "$during" != - ] && ! keep "$in.during"; then unwritable; return; fi
  # A line that says nothing: a complaint finds room behind it.
  if ! say "" >"$errors"; then unwritable; return; fi
  # A shell says itself what killed its child: that belongs to the words, too.
  status=0 complaint=
  if [ "$rules" != - ]; then { ipvsadm --restore <"$rule_lines"; } >>"$errors" 2>&1 || status=$?; fi
  if [ "$status" -gt 128 ] && [ "$status" -le 192 ]; then
    say "ipvsadm --restore was killed by signal $((status - 128))" >>"$errors"
    complaint=yes
  elif complained; then complaint=yes; fi
  if [ -z "$complaint" ]; then
    case $after in
      -) ;;
      none) forget || complaint="the registry could not be removed" ;;
      *) keep "$in.after" || complaint="the later registry could not be kept" ;;
    esac
    if [ -n "$complaint" ]; then say "$complaint" >>"$errors"; fi
  fi
  find_registry
  made
  spots=
  if places; then spots=$(place 2>&1) || :; fi
  report applied
  if [ -n "$complaint" ]; then cat "$errors"; fi
  if [ -n "$spots" ]; then say "$spots"; fi
  cleanup
}
# Whether there is anything behind the first line.
complained() {
  said=
  { read -r said && read -r said; } <"$errors" || [ -n "$said" ]
}
# What has come of a change: whether the table is the one that was expected.
made() {
  registry_is=same table_is=same limits_is=
  if [ -n "$complaint" ]; then
    registry_is=text table_is=text
    return
  fi
  status=0
  awk -v mode=verify -v procfs=${PROCFS} -v foreseen="$foreseen" -v glance="$glance" "$merge" 2>/dev/null || status=$?
  if [ "$status" -eq 0 ]; then
    spare=$glance glance=$foreseen foreseen=$spare
    seen=$id
    if [ "$doubted" = - ]; then return; fi
  elif [ "$status" -eq 4 ]; then seen=$id; fi
  whole
  proved "$later_sums" || :
  registry_is=same limits_is=
}
# Whether there are addresses to place, or placed ones: for most directors a few lines are read to say no.
places() {
  if [ -s "$placed" ]; then return 0; fi
  if [ ! -s "$settings" ]; then return 1; fi
  while IFS= read -r line; do
    case $line in "place "*) return 0 ;; esac
  done <"$settings"
  return 1
}
# Either the director holds something else than the sender knows, or our files are not what they must be.
differ() {
  limits_is= seen=$id
  if [ -n "$at_a_glance" ]; then table_is=same; fi
  if [ "$registry_is $table_is" = "same same" ]; then
    say "what was kept is not what was sent" >"$errors"
    unwritable
    return
  fi
  report changed
  cleanup
}
keep() {
  mv -f "$1" "$registry" 2>"$errors" && sync "$state" 2>"$errors" || return 1
  if [ -e "$first" ]; then rm -f "$first" 2>"$errors" && sync "$state" 2>"$errors"; fi
}
forget() { rm -f "$registry" "$first" 2>"$errors" && sync "$state" 2>"$errors"; }
cleanup() {
  if [ -e "$in.during" ] || [ -e "$in.after" ]; then rm -f "$in.during" "$in.after"; fi
  if [ ! -e "$registry" ] && [ ! -e "$first" ]; then rmdir "$state" 2>/dev/null || :; fi
  locked=
}

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
