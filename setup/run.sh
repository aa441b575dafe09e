#!/bin/sh
# From a fresh clone to our own compiled code: a Node that is new enough, the npm packages, the compiler.
# Everything else of the set-up is TypeScript (setup/main.ts), which this script ends by running.
#
#   sh setup/run.sh setup | quickstart | down | test [layer] | bench [name] | chaos | api:fuzz | docs | heye ... | clean:all
#
# POSIX sh, because nothing else can be counted on here. Needs no root.
set -eu
umask 022

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
case ${XDG_CACHE_HOME:-} in
  /*) cache=$XDG_CACHE_HOME/heye ;;
  *) cache=${HOME:?is not set; name the cache folder in XDG_CACHE_HOME}/.cache/heye ;;
esac

. "$root/setup/shell.sh"
. "$root/setup/node.sh"

# The packages are replaced only when the lock file is another one than that they were installed from.
install_packages() {
  installed=node_modules/.heye-package-lock.json
  if ! cmp -s package-lock.json "$installed"; then
    begin "installing the npm packages of package-lock.json"
    # An npm that came with our Node runs on it. Any other one runs on its own: a distribution's npm finds its
    # parts through its distribution's Node.
    [ -x "$(dirname -- "$node")/npm" ] || PATH=$users_path
    need npm npm
    npm ci --no-audit --no-fund --loglevel=error --no-engine-strict </dev/null >&2 || fail \
      "npm ci to install the packages of package-lock.json" \
      "it ended with status $?, in its own words above" \
      "see that npm can reach its registry (npm ping) and that package.json and package-lock.json belong together, then run the same command again"
    cp package-lock.json "$installed"
    PATH=$nodes_path
    finish
  fi
  # A program inside this project finds the package by its name, as it would in a project that installed it.
  [ -e node_modules/pulumi-heye ] || ln -s .. node_modules/pulumi-heye
}

# Sources are compiled when one is newer than the last compilation; a folder's time tells of removals.
compile() {
  if [ -e dist/.compiled ] && [ -e dist/setup/main.js ] && [ -z "$(changed_since dist/.compiled)" ]; then return 0; fi
  begin "compiling the project"
  mkdir -p dist
  : >dist/.compiling
  remove_orphans
  status=0
  # The compiler would keep its own compiled code in /tmp.
  NODE_COMPILE_CACHE=$cache/node-compile-cache "$node" node_modules/typescript/bin/tsc -p . >&2 || status=$?
  if [ "$status" -eq 0 ]; then
    "$node" dist/setup/bundle.js >&2 || fail "esbuild to bundle the agent" "it failed, in its own words above" \
      "mend the sources; if they are as you cloned them, remove node_modules and run the same command again"
    mv -f dist/.compiling dist/.compiled
  elif [ "$status" -eq 2 ] && [ -e dist/setup/main.js ]; then
    # tsc writes its output in spite of type errors; the tests count them, so that nobody overlooks them.
    say "the project has type errors (above); going on with what the compiler wrote"
  else
    fail "tsc to compile the project" "it ended with status $status, in its own words above" \
      "mend the sources; if they are as you cloned them, remove node_modules and run the same command again"
  fi
  finish
}

# changed_since FILE: the sources, and folders of sources, that are newer.
changed_since() {
  find . -mindepth 1 \( -path './.*' -o -path ./node_modules -o -path ./dist \) -prune \
    -o \( -name '*.ts' -o -path ./tsconfig.json -o -path ./package-lock.json -o -type d \) -newer "$1" -print
}

# What was compiled from a source that is gone would still be run, as a test for one.
remove_orphans() {
  find dist -name '*.js' | while IFS= read -r output; do
    stem=${output%.js}
    [ -e "${stem#dist/}.ts" ] || rm -f "$stem.js" "$stem.js.map" "$stem.d.ts"
  done
}

# Removes what the project has put on this machine, the cache too, unless somebody is filling it just now.
remove_all() {
  if [ -e dist/setup/main.js ]; then
    "$node" dist/setup/main.js down || fail "to take down what is up before its tools are removed" \
      "that failed, in its own words above" "mend the cause, then run the same command again"
  fi
  for lock in "$cache"/locks/*; do
    [ -e "$lock" ] || continue
    flock -n "$lock" true || fail "nobody to use $cache" "process $(cat "$lock") is filling it" \
      "wait for it to finish or end it, then run the same command again"
  done
  say "removing $cache and this project's node_modules, dist and .heye"
  chmod -R u+w "$cache" 2>/dev/null || true # the Go toolchain makes its modules read-only
  rm -rf "$cache" node_modules dist .heye
}

need flock util-linux
# One at a time in one checkout. The script itself is what is locked: nothing is left behind, nothing can be
# removed under a waiting process. The kernel drops the lock with its last holder, however that ended.
exec 9<"$root/setup/run.sh"
hold 9 "another set-up of this checkout is running"

if [ "${1:-}" = down ] && [ ! -e dist/setup/main.js ]; then
  say "nothing is up: this checkout has never been set up"
  exit 0
fi
if [ "${1:-}" = clean:all ]; then
  node=$(command -v node) || node=
  [ -z "$(private_node)" ] || node=$(private_node)
  remove_all
  exit 0
fi
find_node
users_path=$PATH
case $node in "$cache"/*) PATH=$(dirname -- "$node"):$PATH ;; esac
nodes_path=$PATH
install_packages
compile
exec 9<&- # what we start may live longer than the set-up, and must not hold its lock
# Node reads HTTPS_PROXY only when asked to; for the downloads of the set-up it is.
export NODE_USE_ENV_PROXY=1
exec "$node" dist/setup/main.js "$@"
