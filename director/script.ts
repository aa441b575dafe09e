/**
 * What runs on a director: one fixed POSIX shell script, sent when a conversation begins, which then answers requests
 * until its input ends. Nothing needs to be installed but ipvsadm, flock (util-linux), awk and coreutils (or busybox).
 * Requests reach it on standard input only; nothing of them is ever taken for shell text.
 *
 * A request is a line `ID VERB WORDS`, and for a change a body of so many bytes. The next one is sent only after the
 * answer: tools may read on to what is there, and nothing is. An answer ends with an empty line and `end ID STATUS`.
 * Each request is served in a process of its own, so that its lock goes with it, whatever happens.
 *
 * Processes cost milliseconds on small machines: what the shell can do itself it does.
 */
import { PLACE } from "./placement";

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
size=0 locked=
newline="
"
say() { printf "%s\\n" "$1"; }

# Ends the service of a request; what of its body was not read yet is taken off the input.
answer() {
  if [ "$size" -gt 0 ]; then head -c "$size" >/dev/null; fi
  say "heye 2 $1"
  exit 0
}
unwritable() {
  if [ -n "$locked" ]; then cleanup; fi
  say "heye 2 unwritable"
  say "$said"
  exit 0
}

${PLACE}
ours() {
  if [ -L "$1" ] || [ ! -d "$1" ] || [ ! -O "$1" ]; then answer "unsafe $1"; fi
}
# A shell remembers where it found a program, also when it is no longer there.
prepare() {
  hash -r
  for tool in ipvsadm flock sha256sum sort awk head mv sync; do
    command -v "$tool" >/dev/null || answer "missing $tool"
  done
  [ -e "$run" ] || mkdir -m 700 "$run" 2>/dev/null || :
  ours "$run"
}
lock() {
  exec 9>"$run/lock"
  status=0
  flock "$1" -w 20 -E 75 9 || status=$?
  case $status in 0) ;; 75) answer busy ;; *) answer unlockable ;; esac
  if [ -e "$state" ] || [ -L "$state" ]; then ours "$state"; fi
  find_registry
}
# The file of format 1 counts until one of format 2 is there.
find_registry() {
  current=/dev/null
  if [ -e "$registry" ]; then current=$registry; elif [ -e "$first" ]; then current=$first; fi
}
table() { ipvsadm --save -n 2>&1 | sort; }

# Digests of files, and of the table at last.
digests() {
  set -- $(table | sha256sum "$@" - 2>/dev/null)
  sums=
  while [ $# -ge 2 ]; do
    sums="$sums $1"
    shift 2
  done
}

# What the sender does not know: $2 and $3 say which parts are as it expects.
report() {
  say "heye 2 $1"
  say "= registry $2"
  if [ "$2" = text ]; then cat "$current"; fi
  say "= table $3"
  if [ "$3" = text ]; then table; fi
  say "= messages"
}

look() {
  prepare
  lock -s
  registry_is=text table_is=text
  if [ "$1" != - ]; then
    digests "$current"
    case $sums in " $1 "*) registry_is=same ;; esac
    if [ "$2" = "\${sums##* }" ]; then table_is=same; fi
  fi
  report state "$registry_is" "$table_is"
}

# Reads the request's body and the registry's lines, both in the order of identities, and writes three files: rules for
# ipvsadm, the registry during the change and after it. Exit status 3: a part of the body is missing.
merge='
function identity(line, tab) { tab = index(line, "\\t"); return tab ? substr(line, 1, tab - 1) : line }
function add(which, edit, put) {
  put = substr(edit, 1, 1) == "+"
  edit = substr(edit, 2)
  count[which]++
  key[which, count[which]] = identity(edit)
  text[which, count[which]] = put ? edit : ""
}
function emit(which, line) { if (line != "") print line >(out[which]) }
function pass(which, name, last) {
  while (at[which] < count[which] && (last || key[which, at[which] + 1] < name)) emit(which, text[which, ++at[which]])
}
function step(which, line, name) {
  pass(which, name, 0)
  if (at[which] < count[which] && key[which, at[which] + 1] == name) emit(which, text[which, ++at[which]])
  else emit(which, line)
}
BEGIN {
  out["d"] = during; out["a"] = after
  at["d"] = at["a"] = count["d"] = count["a"] = 0
  printf "" >rules; printf "" >during; printf "" >after
  while ((getline line <request) > 0) {
    kind = substr(line, 1, 1)
    if (kind == "r") print substr(line, 2) >rules
    else if (kind == "d" || kind == "a") add(kind, substr(line, 2))
    last = line
  }
  if (last != "complete") exit 3
  while ((getline line <base) > 0) { name = identity(line); step("d", line, name); step("a", line, name) }
  pass("d", "", 1); pass("a", "", 1)
}
'

# REGISTRY TABLE DURING AFTER RULES BASE TABLE_AFTER SIZE: digests of the registry and the table that the change was
# computed from; of the registry to hold while the kernel is changed, and afterwards ("-": as before, "none": no file);
# of the rules ("-": none); whether the lines of the body are merged into the registry or are the whole of it; of the
# table that is expected in the end; the body's size.
#
# Everything is on disk, in full and verified, before anything changes. When what is here is not what the sender knows,
# nothing is changed and it is told. Ownership is durable (written, synced, renamed, folder synced) before an entry
# appears in the kernel, and until after it has gone. When ipvsadm complains or is killed, the later registry is not
# written: it might disown entries that are still there.
change() {
  registry_known=$1 table_known=$2 during=$3 after=$4 rules=$5 base=$6 table_after=$7 size=$8
  prepare
  # Before the lock: nobody waits for a sender that is slow, or gone.
  said=$( { head -c "$size" >"$request"; } 2>&1) || { size=0; unwritable; }
  size=0
  lock -x
  locked=yes
  if [ -e "$state/agent" ]; then answer agent; fi
  if [ ! -e "$state" ]; then said=$(mkdir -p "$state" 2>&1) || unwritable; fi
  if [ "$base" = whole ]; then base=/dev/null; else base=$current; fi
  status=0 during_to=$in.during after_to=$in.after
  if [ "$during" = - ]; then during_to=/dev/null; fi
  case $after in - | none) after_to=/dev/null ;; esac
  said=$(awk -v request="$request" -v base="$base" -v rules="$rule_lines" \\
    -v during="$during_to" -v after="$after_to" "$merge" 2>&1) || status=$?
  if [ "$status" -eq 3 ]; then cleanup; answer truncated; fi
  if [ -n "$said" ] || [ "$status" -ne 0 ]; then unwritable; fi
  set -- "$current"
  want=" $registry_known" durable=
  if [ "$rules" != - ]; then set -- "$@" "$rule_lines" && want="$want $rules"; fi
  case $during in -) ;; *) set -- "$@" "$in.during" && want="$want $during" durable=$in.during ;; esac
  case $after in - | none) ;; *) set -- "$@" "$in.after" && want="$want $after" durable="$durable $in.after" ;; esac
  digests "$@"
  if [ "$sums" != "$want $table_known" ]; then differ; fi
  if [ -n "$durable" ]; then said=$(sync $durable 2>&1) || unwritable; fi
  if [ "$during" != - ]; then said=$(keep "$in.during" 2>&1) || unwritable; fi
  said= status=0
  if [ "$rules" != - ]; then said=$( { ipvsadm --restore <"$rule_lines"; } 2>&1) || status=$?; fi
  if [ "$status" -gt 128 ] && [ "$status" -le 192 ]; then
    said="\${said:+$said$newline}ipvsadm --restore was killed by signal $((status - 128))"
  fi
  if [ -z "$said" ]; then
    case $after in
      -) ;;
      none) said=$(forget 2>&1) || said=\${said:-the registry could not be removed} ;;
      *) said=$(keep "$in.after" 2>&1) || said=\${said:-the later registry could not be kept} ;;
    esac
  fi
  find_registry
  registry_is=same table_is=text
  if [ -n "$said" ]; then
    registry_is=text
  else
    digests
    if [ "$sums" = " $table_after" ]; then table_is=same; fi
  fi
  spots=
  if [ -s "$settings" ] || [ -s "$placed" ]; then spots=$(place 2>&1) || :; fi
  report applied "$registry_is" "$table_is"
  if [ -n "$said" ]; then say "$said"; fi
  if [ -n "$spots" ]; then say "$spots"; fi
  cleanup
}
# Either the director holds something else than the sender knows, or our files are not what they must be.
differ() {
  registry_is=text table_is=text
  case $sums in " $registry_known "*) registry_is=same ;; esac
  if [ "\${sums##* }" = "$table_known" ]; then table_is=same; fi
  if [ "$registry_is $table_is" = "same same" ]; then
    said="what was kept is not what was sent"
    unwritable
  fi
  report changed "$registry_is" "$table_is"
  cleanup
  exit 0
}
keep() {
  mv -f "$1" "$registry" && sync "$state" || return 1
  if [ -e "$first" ]; then rm -f "$first" && sync "$state"; fi
}
forget() { rm -f "$registry" "$first" && sync "$state"; }
cleanup() {
  if [ -e "$in.during" ] || [ -e "$in.after" ]; then rm -f "$in.during" "$in.after"; fi
  if [ ! -e "$registry" ] && [ ! -e "$first" ]; then rmdir "$state" 2>/dev/null || :; fi
}

serve() {
  id=$1
  verb=$2
  shift 2
  status=0
  (case $verb in read) look "$@" ;; change) change "$@" ;; esac) || status=$?
  for file in "$request" "$rule_lines"; do
    if [ -s "$file" ]; then : >"$file"; fi
  done
  printf "\\nend %s %s\\n" "$id" "$status"
}

# Left by one that was killed.
tidy() {
  if [ -L "$run" ] || [ ! -O "$run" ]; then return; fi
  set +f
  for left in "$run"/request.* "$run"/rules.* "$run"/settings.*; do
    if [ -f "$left" ] && ! kill -0 "\${left##*.}" 2>/dev/null; then rm -f "$left"; fi
  done
  set -f
}

tidy
version=
if command -v ipvsadm >/dev/null; then version=$(ipvsadm --version 2>&1); fi
read -r kernel </proc/sys/kernel/osrelease
say "heye 2 $kernel"
say "\${version%%"$newline"*}"
if [ $# -gt 0 ]; then serve "$@"; fi
while IFS= read -r line; do serve $line; done
if [ -f "$request" ]; then rm -f "$request" "$rule_lines"; fi
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
