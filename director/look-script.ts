/**
 * How a director is looked at: the part of the script that tells the sender what he does not know. Shell text for
 * script.ts, which has its variables.
 */
export const LOOK = `
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

# REGISTRY TABLE LIMITS SEEN: digests of what the sender knows of registry, table and thresholds ("-": nothing; for
# thresholds "none": it does not ask), and the answer that told it, where the table may be compared with that one at a
# glance. What is seen at a glance is older than the table, so that a change between the two is noticed.
look() {
  prepare || return
  lock -s || return
  before=$4
  if [ "$before" != "$seen" ]; then before=-; fi
  seen= status=0
  awk -v mode=look -v procfs="$procfs" -v glance="$glance" -v before="$before" "$merge" 2>/dev/null || status=$?
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
`;
