#!/bin/sh
# Runs a compiled program of a clone as a user who is not root, and who has a home, a cache and labs of his own.
# In a mount namespace of its own and as root:
#   unshare --mount -- sh lab-user.sh UID RIGHTS SCRATCH CLONE PACKAGES NODE PROGRAM
# RIGHTS: "tap" lets the user open /dev/net/tun, "packets" does not, "none" forbids user namespaces as well.
# SCRATCH is an empty folder that the user may enter, PACKAGES the cache's folder of unpacked packages.
set -eu
uid=$1 rights=$2 scratch=$3 clone=$4 packages=$5 node=$6 program=$7

mkdir "$scratch/clone" "$scratch/cache" "$scratch/home" "$scratch/dev"
: >"$scratch/node"
chown "$uid" "$scratch/home"
mount --bind "$clone" "$scratch/clone"
mkdir -p "$scratch/clone/.heye"
for folder in "$scratch/clone/.heye" "$scratch/cache"; do
  mount -t tmpfs -o "uid=$uid,gid=$uid,mode=700" tmpfs "$folder"
done
mkdir -p "$scratch/cache/heye/packages"
chown "$uid" "$scratch/cache/heye"
mount --bind "$packages" "$scratch/cache/heye/packages"
mount --bind "$node" "$scratch/node"
# A device of that number with other rights, in place of the machine's.
mount -t tmpfs -o mode=755 tmpfs "$scratch/dev"
mknod "$scratch/dev/tun" c 10 200
case $rights in tap) chmod 666 "$scratch/dev/tun" ;; *) chmod 600 "$scratch/dev/tun" ;; esac
if [ -e /dev/net/tun ]; then mount --bind "$scratch/dev/tun" /dev/net/tun; fi

as_user="setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all --"
set -- env "HOME=$scratch/home" "XDG_CACHE_HOME=$scratch/cache" "$scratch/node" "$scratch/clone/$program"
cd /
# shellcheck disable=SC2086 # words on purpose
[ "$rights" = none ] || exec $as_user "$@"
# The limit holds in this user namespace and those below it, for nobody else.
# shellcheck disable=SC2086,SC2016
exec $as_user unshare --user --map-current-user --keep-caps -- sh -c \
  'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"' - "$@"
