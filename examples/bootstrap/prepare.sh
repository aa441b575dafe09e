# Makes a bare Debian or Ubuntu host ready to be a director; can be run again. Standard input: the virtual addresses' prefix.
set -eu
IFS= read -r prefix
export DEBIAN_FRONTEND=noninteractive
command -v ipvsadm >/dev/null || { apt-get -q update && apt-get -q -y install ipvsadm iproute2 kmod; }
[ -d /sys/module/ip_vs ] || modprobe ip_vs
# Packets to any virtual address are taken.
ip route replace local "$prefix" dev lo
