#!/bin/sh
# Runs a command in a network of its own that has 10.77.0.0/16 on this host: Kubernetes takes no loopback addresses for
# servers, and a port that is taken there is nobody's business. Goes with the command.
#   sh network.sh PROGRAM [ARGUMENT...]
set -eu
if [ "${HEYE_TEST_NETWORK:-}" != inside ]; then
  export HEYE_TEST_NETWORK=inside
  [ "$(id -u)" = 0 ] && exec unshare --net -- sh "$0" "$@"
  exec unshare --user --map-root-user --net -- sh "$0" "$@"
fi
PATH="$PATH:/usr/sbin:/sbin"
ip link set lo up
ip route add local 10.77.0.0/16 dev lo
exec "$@"
