#!/bin/sh
# PID 1 of a director that a real systemd runs; argument: the name of its cgroup. Mounts what only this process can, looks
# what systemd would see, and becomes it. systemd writes to what it finds (it empties /tmp at its start, to begin with): it is
# never started where anything of the machine could be written to.
export PATH=/usr/sbin:/usr/bin
fail() { echo "$*" >&2; exit 1; }

mount -t proc proc /proc || fail "no /proc"
# In a tree of this machine's kernel systemd would be given the machine's devices and cgroups.
grep -q "User Mode Linux" /proc/cpuinfo || fail "systemd runs in a guest alone"

# Made aside: a command that was run here meanwhile, and threw its output away, would make a file of /dev/null.
aside=/mnt
mount -t tmpfs -o mode=755 tmpfs $aside || fail "no /dev"
for one in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$aside/${one%:*}" c 1 "${one#*:}"; done
mknod -m 666 $aside/tty c 5 0
mkdir $aside/pts $aside/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts $aside/pts && ln -s pts/ptmx $aside/ptmx
mount -t tmpfs -o mode=1777 tmpfs $aside/shm
ln -s /proc/self/fd $aside/fd
for one in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${one%:*}" "$aside/${one#*:}"; done
mount --move $aside /dev || fail "/dev cannot be put in place"

# Its own part of the guest's cgroups, as its whole tree; what the last boot has left there is empty.
tree=/sys/fs/cgroup
mount -t cgroup2 cgroup2 $tree || fail "no cgroups"
[ ! -d "$tree/$1" ] || find "$tree/$1" -depth -type d -exec rmdir {} + || fail "an earlier boot still runs"
mkdir "$tree/$1" || fail "no cgroup of its own"
for one in memory pids cpu; do echo "+$one" >"$tree/cgroup.subtree_control"; done
echo 0 >"$tree/$1/cgroup.procs" || fail "its cgroup cannot be entered"
umount $tree

# What systemd is to see: file systems in memory and of the kernel, and the programs, for reading alone.
become='
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
while read -r _ _ _ _ point options rest; do
  kind=${rest#*- } kind=${kind%% *}
  case $kind:$options in
    tmpfs:* | proc:* | sysfs:* | devpts:* | cgroup2:* | overlay:ro | overlay:ro,*) ;;
    *) echo "systemd would see $point ($kind, $options)" >&2; exit 1 ;;
  esac
done </proc/self/mountinfo
for point in /usr /usr/local/bin; do
  if (: >"$point/.written") 2>/dev/null; then echo "$point can be written to" >&2; exit 1; fi
done
cp /proc/self/mountinfo /run/lab-mounts
exec env -i container=heye PATH="$PATH" /usr/lib/systemd/systemd --system --show-status=no
'
exec unshare --cgroup /bin/sh -c "$become"
