#!/bin/sh
# PID 1 of a director: runs what is enabled for the boot, starts sshd, and reaps what is orphaned here. It never ends.
# The process table of this PID namespace can be mounted only from within it.
mount -t proc proc /proc

# There is no systemd. Of the units that are enabled (a link in multi-user.target.wants) those called heye-*.service are
# run, in the order of their names, before sshd starts: each ExecStart= line as a command line of sh, in the order of the
# file. `-` before a command lets its failure pass; other prefixes and all other settings of the unit are ignored. A line
# that fails or takes more than 30 s ends its unit. One with Restart=always is started again whenever it ends, and nobody
# waits for it. What they print, and how they end, is in /run/boot.log.
boot() {
  for unit in /etc/systemd/system/multi-user.target.wants/heye-*.service; do
    [ -r "$unit" ] || continue
    status=0
    while IFS= read -r line; do
      case $line in ExecStart=*) line=${line#ExecStart=} ;; *) continue ;; esac
      while case $line in [@:+!]*) true ;; *) false ;; esac do line=${line#?}; done
      if grep -q "^Restart=always" "$unit"; then
        (while [ -e "$unit" ]; do sh -c "$line" </dev/null; sleep 1; done) &
        continue
      fi
      case $line in
        -*) timeout 30 sh -c "${line#-}" </dev/null ;;
        *) timeout 30 sh -c "$line" </dev/null || { status=$?; break; } ;;
      esac
    done <"$unit"
    echo "${unit##*/}: status $status"
  done
}
boot >/run/boot.log 2>&1

# sshd tells on stderr when it listens: whoever started us waits for that.
/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config &
exec 2>/dev/null
# dash reaps every dead child while it waits for one; without a child of its own it would not wait.
while :; do
  wait
  sleep 2147483647 &
done
