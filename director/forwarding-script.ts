/**
 * What runs on a director to check a server through the forwarding path: two fixed bash scripts, sent whole each time.
 * They need bash, iproute2 (ip, tc), ipvsadm, util-linux (flock, nsenter, unshare) and coreutils (timeout), and hold no
 * single quotes. docs/decisions/0014 has the drawing.
 *
 * The director cannot ask as a client does: the virtual address is its own, and an answer from it would be a martian.
 * So the client is a network namespace that lives as long as its process. It has the director's own address and MAC,
 * an IPVS table with the one service and the one server, and a veth pair to the director, heye-probe-N. tc passes
 * frames on: all that come out of the namespace to the interface that leads to the server; from that interface into
 * the namespace what comes from the virtual address to one of 64 ports of the director's, which is nobody else's.
 *
 * Standard input: a line "LIFETIME_S ADDRESS PORT SERVER METHOD", two lines for ipvsadm --restore; a line
 * "connect" as the answer to "heye 1 ready"; a line "go" as the answer to "heye 1 open", and from there on both
 * directions are the connection's own bytes. The end of the input ends everything at any time.
 *
 * Invariant: what the scripts add to the director is recorded in /run/heye/probe before it is added. GUARD takes away
 * what it recorded however PROBE ends, and what a dead GUARD left behind.
 */

/** The filters of place N have the preference 18500 + N; a place has 64 ports of its own. */
const PLACES = 128;
const FIRST_PREFERENCE = 18_500;
const PORTS_A_PLACE = 64;
const FIRST_PORT = 65_536 - PLACES * PORTS_A_PLACE;

const COMMON = `
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
places=/run/heye/probe
answer() { printf "heye 1 %s\\n" "$*"; exit 0; }
failed() { answer "failed $1
$said"; }
family() { case $1 in *:*) family=6 ;; *) family=4 ;; esac; }
`;

/** Stays in the director's own network, finds the way to the server, and cleans up. */
const GUARD = `${COMMON}
probe=$1
for tool in flock ip ipvsadm nsenter tc timeout unshare; do
  command -v "$tool" >/dev/null || answer "missing $tool"
done
[ -e /run/heye ] || mkdir -m 700 /run/heye 2>/dev/null
for folder in /run/heye "$places"; do
  [ -e "$folder" ] || mkdir "$folder" 2>/dev/null
  if [ -L "$folder" ] || [ ! -d "$folder" ] || [ ! -O "$folder" ]; then answer "unsafe $folder"; fi
done

filters() { tc filter show dev "$1" ingress 2>/dev/null; tc filter show dev "$1" egress 2>/dev/null; }
sweep() {
  local place guard dev preference protocol
  exec 9>"$places/lock"
  flock 9
  for place in "$places"/[0-9]*; do
    [ -f "$place" ] || continue
    guard= dev= preference= protocol=
    IFS=" " read -r guard dev preference protocol <"$place"
    if [ "$guard" != $$ ] && [ -e "/proc/$guard" ]; then continue; fi
    tc filter del dev "$dev" ingress protocol "$protocol" pref "$preference" 2>/dev/null
    ip link del "heye-probe-\${place##*/}" 2>/dev/null
    rm -f "$place"
  done
  for place in "$places"/qdisc-*; do
    [ -f "$place" ] || continue
    dev=\${place#"$places"/qdisc-}
    if [ -n "$(filters "$dev")" ]; then continue; fi
    tc qdisc del dev "$dev" clsact 2>/dev/null
    rm -f "$place"
  done
  exec 9>&-
}
sweep

IFS=" " read -r lifetime address port server method && read -r service && read -r destination || answer truncated
family "$address"; inner=$family
family "$server"; outer=$family
said=$(ip -o "-$outer" route get "$server" 2>&1) || failed "finding the way to $server"
dev= hop=$server near=
set -- $said
if [ "$1" = local ]; then answer local; fi
while [ $# -gt 0 ]; do
  case $1 in
    dev) dev=$2 ;;
    src) near=$2 ;;
    via) hop=$2; if [ "$hop" = inet6 ]; then hop=$3; fi ;;
  esac
  shift
done
hops=64
if [ "$hop" = "$server" ]; then hops=2; fi
mac= mtu=
set -- $(ip -o link show dev "$dev")
while [ $# -gt 0 ]; do case $1 in mtu) mtu=$2 ;; link/ether) mac=$2 ;; esac; shift; done
if [ -z "$mac" ]; then said="$dev has no Ethernet address"; failed "looking at the interface that leads to $server"; fi
source=$near
if [ "$inner" != "$outer" ]; then
  source=
  set -- $(ip -o "-$inner" addr show dev "$dev" scope global)
  while [ $# -gt 0 ]; do case $1 in inet | inet6) source=\${source:-\${2%/*}} ;; esac; shift; done
fi
if [ -z "$source" ] || [ "$source" = "$address" ]; then
  said="$dev has no IPv$inner address besides the virtual one"; failed "choosing an address to ask from"
fi
family "$hop"
neighbour() {
  set -- $(ip -o "-$family" neigh show to "$hop" dev "$dev")
  while [ $# -gt 0 ]; do if [ "$1" = lladdr ]; then remote=$2; fi; shift; done
  [ -n "$remote" ]
}
remote=
for try in 1 2 3 4 5 6 7 8 9 10; do
  if neighbour; then break; fi
  { echo >"/dev/udp/$server/9"; } 2>/dev/null
  sleep 0.1
done
if [ -z "$remote" ]; then said="$hop does not answer on $dev"; failed "finding the neighbour that leads to $server"; fi

main=$$
export address port server method service destination inner outer dev near source mac mtu remote hops main places
set -m
timeout -s KILL "$lifetime" unshare -n bash -c "$probe" heye-probe <&0 &
group=$!
exec 2>/dev/null
finish() { kill -KILL -- "-$group" 2>/dev/null; wait 2>/dev/null; sweep; }
trap finish EXIT
trap "exit 1" HUP INT TERM
wait "$group"
`;

/** Runs in the namespace: makes the way out and back, then connects. */
const PROBE = `${COMMON}
in_main() { nsenter -t "$main" -n "$@"; }
slot=$((RANDOM % ${PLACES}))
for try in {1..${PLACES}}; do
  said=$(ip link add name heye0 mtu "$mtu" address "$mac" type veth peer name "heye-probe-$slot" netns "$main" 2>&1) && break
  case $said in *exists*) slot=$(((slot + 1) % ${PLACES})) ;; *) failed "making a veth pair" ;; esac
done
[ -z "$said" ] || failed "making a veth pair"
first=$((${FIRST_PORT} + slot * ${PORTS_A_PLACE}))
preference=$((${FIRST_PREFERENCE} + slot))
net=/proc/sys/net
said=$(
  {
    echo "$first $((first + ${PORTS_A_PLACE - 1}))" >$net/ipv4/ip_local_port_range
    echo 0 >$net/ipv4/conf/all/rp_filter
    echo 0 >$net/ipv4/conf/heye0/rp_filter
    if [ "$inner$outer" = 44 ] && [ -e $net/ipv6/conf/all/disable_ipv6 ]; then
      echo 1 >$net/ipv6/conf/all/disable_ipv6
    fi
  } 2>&1
)
[ -z "$said" ] || failed "setting up its network"
said=$(
  {
    echo link set lo up
    case $inner$outer in *6*) echo link set heye0 addrgenmode none ;; esac
    for one in "$near" "$source"; do
      case $one in *:*) echo "addr replace $one/128 dev heye0 nodad" ;; *) echo "addr replace $one/32 dev heye0" ;; esac
    done
    echo link set heye0 up
    echo "neigh replace $server lladdr $remote dev heye0 nud permanent"
    echo "route replace $server dev heye0 src $near"
    echo "route replace $address dev heye0 src $source hoplimit $hops"
  } | ip -batch - 2>&1
) || failed "setting up its network"
quiet=
if [ -e $net/ipv6 ]; then quiet="addrgenmode none"; fi
said=$(
  {
    echo "link set heye-probe-$slot mtu $mtu $quiet"
    echo "link set heye-probe-$slot up"
  } | in_main ip -batch - 2>&1
) || failed "setting up its end of the veth pair"
said=$(printf "%s\\n" "$service" "$destination" | ipvsadm --restore 2>&1) || failed "asking IPVS for a table of its own"
[ -z "$said" ] || failed "asking IPVS for a table of its own"

case $inner in
  4) back=ip match="match ip src $address/32 match ip dst $source/32 match ip protocol 6 0xff match ip dport $first 0xffc0" ;;
  6) back=ipv6 match="match ip6 src $address/128 match ip6 dst $source/128 match ip6 protocol 6 0xff match u16 $first 0xffc0 at 42" ;;
esac
out=$back
if [ "$method" = tun ]; then case $outer in 4) out=ip ;; 6) out=ipv6 ;; esac; fi
exec 9>"$places/lock"
flock 9
said=$(
  {
    echo "qdisc show dev $dev"
    echo "filter show dev $dev ingress"
  } | in_main tc -batch - 2>/dev/null
)
case "$said" in
  *" pref $preference "*) said="the preference $preference of $dev is taken"; failed "directing the answers" ;;
  *"qdisc ingress "* | *"qdisc clsact "*) qdisc= ;;
  *) qdisc="qdisc add dev $dev clsact"; : >"$places/qdisc-$dev" ;;
esac
echo "$main $dev $preference $back" >"$places/$slot"
said=$(
  {
    echo "qdisc add dev heye-probe-$slot clsact"
    echo "filter add dev heye-probe-$slot ingress protocol $out pref 1 u32 match u32 0 0 action mirred egress redirect dev $dev"
    if [ -n "$qdisc" ]; then echo "$qdisc"; fi
    echo "filter add dev $dev ingress protocol $back pref $preference u32 $match action mirred egress redirect dev heye-probe-$slot"
  } | in_main tc -batch - 2>&1
) || failed "directing the answers"
exec 9>&-

echo "heye 1 ready"
go=
read -r go || exit 0
[ "$go" = connect ] || answer truncated
exec 4<&0
( read -r go <&4 || kill -KILL 0 ) &
watcher=$!
exec 3<>"/dev/tcp/$address/$port" || { echo "heye 1 refused"; kill "$watcher"; exit 0; }
echo "heye 1 open"
wait "$watcher"
cat <&3 & reader=$!
cat <&4 >&3 & writer=$!
wait -n
kill "$reader" "$writer" 2>/dev/null
wait
exec 3>&-
closing() {
  local state
  while read -r _ _ _ state _; do
    case $state in st | 06 | 0A) ;; *) return 0 ;; esac
  done <"$1"
  return 1
}
case $inner in 4) sockets=/proc/net/tcp ;; 6) sockets=/proc/net/tcp6 ;; esac
for try in 1 2 3 4 5 6 7 8 9 10; do closing "$sockets" || break; sleep 0.05; done
`;

/** Tells what is missing where bash is, then hands over to it. */
const BEGIN = `command -v bash >/dev/null || { echo "heye 1 missing bash"; exit 0; }; exec bash -c "$1" heye-probe "$2"`;

/** The command that checks a server through the forwarding path; any login but root's goes through sudo. */
export function forwardingCommand(user: string): string {
  return `${user === "root" ? "" : "sudo -n "}sh -c '${BEGIN}' heye-probe '${GUARD}' '${PROBE}'`;
}
