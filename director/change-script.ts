/**
 * How a director is changed: the part of the script that turns a change into files and entries. Shell text for script.ts,
 * which has its variables.
 */
export const CHANGE = `
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
  awk -v mode=merge -v procfs="$procfs" -v glance="$glance" -v foreseen="$foreseen" -v before="$before" \
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
  awk -v mode=verify -v procfs="$procfs" -v foreseen="$foreseen" -v glance="$glance" "$merge" 2>/dev/null || status=$?
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
`;
