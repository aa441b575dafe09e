#!/bin/sh
# Makes the world's root and starts its main process there: the machine's files, below them a layer of the programs
# that the machine lacks, above them memory. The machine itself is never written.
# As PID 1 of a user-mode Linux guest it gets HEYE_DIR from the kernel's command line; otherwise the caller has given
# it namespaces of its own. HEYE_DIR/boot holds one value a file, so that no path has to survive quoting.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
# Seen from a user namespace root's programs are nobody's: those that are setuid, as mount is, would become nobody.
if [ "${HEYE_GUEST:-}" ] && [ ! -O /bin/mount ] && [ -z "${HEYE_NO_SETUID:-}" ]; then
  HEYE_NO_SETUID=1; export HEYE_NO_SETUID
  exec setpriv --no-new-privs /bin/sh "$0"
fi
fail() { echo "HEYE-LAB-FAILED root.sh: $*"; [ "${HEYE_GUEST:-}" ] && sleep 5; exit 1; }
value() { IFS= read -r REPLY <"$HEYE_DIR/boot/$1"; }

value layer; layer=$REPLY
value node; node=$REPLY
value main; main=$REPLY
base=$HEYE_DIR/root

if [ "${HEYE_GUEST:-}" ]; then mount -t proc proc /proc; else
  # The caller moves the uplink into this network once it knows that it is there.
  echo HEYE-LAB-ROOT; read -r REPLY
fi
mount -t tmpfs -o mode=755 tmpfs "$base" || fail "no tmpfs on $base"
cd "$base" && mkdir layer skeleton root upper work usr-upper usr-work || fail "cannot write to $base"
if [ "${HEYE_GUEST:-}" ]; then
  # The guest's kernel has overlayfs as a module, and its modules are in the layer or the system.
  modules=/usr/lib/uml/modules; [ -d "$layer$modules" ] && modules=$layer$modules
  kmod=$layer/usr/bin/kmod; [ -x "$kmod" ] || kmod=$(command -v kmod) || fail "no kmod"
  ln -s "$kmod" insmod
  ./insmod "$modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko" || fail "no overlayfs in $modules/$(uname -r)"
fi
mount --bind "$layer" layer || fail "cannot bind $layer"
# Where nothing is missing the layer is an empty folder.
[ -d layer/usr ] || { umount layer; mkdir layer/usr; }
# Two overlays: overlayfs refuses the layer and / as lower folders of one, since / contains the layer.
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root || fail "no overlay of /"
mount -t overlay -o lowerdir=layer/usr:/usr,upperdir=usr-upper,workdir=usr-work overlay root/usr || fail "no overlay of $layer/usr"

cd root && mkdir -p .heye/host .heye/layer .heye/skeleton .heye/root || fail "cannot write to the new root"
mount --bind "$base/layer" .heye/layer
# Not part of the overlay: as lower trees of the directors' roots they must not be stacked any deeper.
mount --bind "$base/skeleton" .heye/skeleton
mount -t proc proc proc; mount -t sysfs sysfs sys
# Without root the machine's /root cannot be read.
[ -r root ] || mount -t tmpfs -o mode=700 tmpfs root
if [ "${HEYE_GUEST:-}" ]; then
  mount -t devtmpfs dev dev; mkdir -p dev/pts dev/shm
  mount -t devpts devpts dev/pts; mount -t tmpfs shm dev/shm
  [ -e dev/fd ] || ln -s /proc/self/fd dev/fd
  mkdir -p usr/lib/modules && mount --bind "$modules" usr/lib/modules
else
  mount --rbind /dev dev
  [ -d /lib/modules ] && mount --bind /lib/modules lib/modules
fi
mount -t tmpfs -o mode=755 tmpfs run; mkdir -p run/netns run/sshd run/lock
# An overlay shows no file system that is mounted below /: bring in what we need from those.
while IFS= read -r path; do
  [ -e ".$path" ] && continue
  if [ -d "$path" ]; then mkdir -p ".$path"; else mkdir -p ".${path%/*}" && : >".$path"; fi
  mount --bind "$path" ".$path" || fail "cannot bind $path"
done <"$HEYE_DIR/boot/shared"
pivot_root . .heye/host || fail "pivot_root"
cd /

ip link set lo up
ulimit -n 65536
if [ "${HEYE_GUEST:-}" ]; then
  hostname lab
  # IPv6 first: ip_vs decides while it is loaded whether it serves IPv6.
  modprobe ipv6
  # The kernel's table of neighbours is one for all networks: 254 directors know more of them than the 1024 it may hold.
  for family in ipv4 ipv6; do
    for limit in 1 2 3; do echo 65536 >/proc/sys/net/$family/neigh/default/gc_thresh$limit; done
  done
fi
modprobe -a ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_lblc ip_vs_lblcr ip_vs_dh ip_vs_sh ip_vs_sed ip_vs_nq \
  ip_vs_fo ip_vs_ovf ip_vs_mh veth bridge dummy ipip ip6_tunnel iptable_nat ip6table_nat iptable_filter \
  ip6table_filter xt_ipvs xt_nat xt_tcpudp xt_MASQUERADE xt_conntrack xt_statistic ipt_REJECT ip6t_REJECT sch_netem \
  sch_ingress cls_u32 act_mirred fou fou6 ip_gre ip6_gre sctp xt_mark iptable_mangle ip6table_mangle 2>/run/modprobe.log
# So is the table of tracked connections, which keeps each for two minutes after its end: the few thousand that a small
# guest allows are used up within seconds, and the next connection's first packet is dropped.
tracked=/proc/sys/net/netfilter/nf_conntrack_max
if [ "${HEYE_GUEST:-}" ] && [ -e "$tracked" ]; then echo 1048576 >"$tracked"; fi
exec "$node" "$main" "$HEYE_DIR/world.json"
