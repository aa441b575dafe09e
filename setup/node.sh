# A Node that is new enough: the one on PATH, else a private one in the cache. Sourced by run.sh, which sets
# $cache; sets $node. A version is changed here together with its checksums.

oldest_node=22
private_version=24.21.0

new_enough() {
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge "$oldest_node" ]
}

# The path of the private Node, or nothing where there is none yet.
private_node() {
  [ ! -x "$cache/node/$private_version/bin/node" ] || echo "$cache/node/$private_version/bin/node"
}

find_node() {
  node=$(command -v node || true)
  if [ -n "$node" ] && new_enough "$node"; then return 0; fi
  found=${node:+Node $("$node" --version 2>/dev/null || echo of unknown version) is too old}
  node=$(private_node)
  if [ -n "$node" ]; then return 0; fi
  say "${found:-there is no Node on PATH}, and $oldest_node is the oldest supported: fetching Node" \
    "$private_version for this project alone"
  mkdir -p "$cache/node" "$cache/locks" || fail "to create $cache" "it could not be created" \
    "make it yours, or name another folder in XDG_CACHE_HOME"
  exec 8>>"$cache/locks/node@$private_version"
  hold 8 "another set-up is fetching Node"
  [ -n "$(private_node)" ] || fetch_node
  exec 8>&-
  node=$(private_node)
}

# Fills a folder of its own and renames it at the end, so that an interrupted download is never taken for Node.
fetch_node() {
  rm -rf "$cache/node/.$private_version.draft-"*
  draft=$(mktemp -d "$cache/node/.$private_version.draft-XXXXXX")
  chmod 755 "$draft"
  case $(uname -m) in
    x86_64) arch=x64 packed=61ecf27ad70afee991b671c28561eb497028294a67d132f9bbaac9ad73f81d3b ;;
    aarch64) arch=arm64 packed=fba3076c16d21e5d814577436bdcb782b9b66bed09c6fa8278298e8933288bbb ;;
    *) fail "a processor that Node is built for (x86_64, aarch64)" "$(uname -m)" \
      "put a Node of version $oldest_node or newer on PATH, then run the same command again" ;;
  esac
  begin "Node $private_version"
  official_node || packaged_node || fail "Node $private_version from its own site or from npm's registry" \
    "neither could be reached, in their own words above" \
    "look at the network and its proxy, or put Node $oldest_node or newer on PATH; then run the same command again"
  "$draft/bin/node" --version >/dev/null || fail "the fetched Node to run" "it does not start, see above" \
    "put a Node of version $oldest_node or newer that runs here on PATH, then run the same command again"
  mv "$draft" "$cache/node/$private_version"
  finish
}

# download URL FILE: gives up soon where nobody answers, and on a transfer that stands still.
download() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --connect-timeout 4 --speed-limit 1024 --speed-time 20 \
      --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget --quiet --tries=1 --dns-timeout=4 --connect-timeout=4 --read-timeout=20 --output-document="$2" "$1"
  else
    say "there is neither curl nor wget to download with"
    return 1
  fi
}

official_node() {
  site=https://nodejs.org/dist/v$private_version
  archive=node-v$private_version-linux-$arch.tar.gz
  if ! download "$site/SHASUMS256.txt" "$draft/sums" || ! download "$site/$archive" "$draft/$archive"; then
    say "Node's own site can't be reached from here; trying its package in npm's registry"
    return 1
  fi
  (cd "$draft" && grep " $archive\$" sums | sha256sum --check --status -) || fail \
    "$archive to have the checksum that its site names" "another one" \
    "run the same command again; if it stays so, something between here and the site changes downloads"
  tar -xzf "$draft/$archive" -C "$draft" --strip-components=1 --exclude="*/include" --exclude="*/share"
  rm "$draft/$archive" "$draft/sums"
}

packaged_node() {
  if ! command -v npm >/dev/null 2>&1; then
    say "there is no npm to fetch it with"
    return 1
  fi
  archive=node-linux-$arch-$private_version.tgz
  (cd "$draft" && npm pack --silent "node-linux-$arch@$private_version" </dev/null >/dev/null) || return 1
  echo "$packed  $draft/$archive" | sha256sum --check --status - || fail \
    "$archive to be the one that this project was tried with" "another checksum" \
    "ask whoever runs your npm registry why it serves another file, or put Node $oldest_node or newer on PATH"
  tar -xzf "$draft/$archive" -C "$draft" --strip-components=1 --exclude="*/include" --exclude="*/share"
  rm "$draft/$archive"
}
