#!/bin/sh
# PID 1 of a director: starts sshd, and reaps what is orphaned here. It never ends by itself.
# The process table of this PID namespace can be mounted only from within it.
mount -t proc proc /proc
# sshd tells on stderr when it listens: whoever started us waits for that.
/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config &
exec 2>/dev/null
# dash reaps every dead child while it waits for one; without a child of its own it would not wait.
while :; do
  wait
  sleep 2147483647 &
done
