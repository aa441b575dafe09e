/**
 * Scripts that run once, as root, each sent whole with its command. They hold no single quotes, because they travel inside
 * a pair; variable data reaches them on standard input only. Reads and changes of the table go another way: script.ts.
 */

/** What every script begins with: a known environment, the tools, the folders that only root may have made, the lock. */
export const COMMON = `
set -eu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/heye
registry=$state/registry
first=$state/registry.json
answer() { echo "heye 1 $1"; exit 0; }
for tool in ipvsadm flock sha256sum sed wc mv sync; do
  command -v "$tool" >/dev/null || answer "missing $tool"
done
ours() {
  if [ -L "$1" ] || [ ! -d "$1" ] || [ ! -O "$1" ]; then answer "unsafe $1"; fi
}
[ -e /run/heye ] || mkdir -m 700 /run/heye 2>/dev/null || :
ours /run/heye
exec 9>/run/heye/lock
lock() {
  status=0
  flock "$1" -w 20 -E 75 9 || status=$?
  case $status in 0) ;; 75) answer busy ;; *) answer unlockable ;; esac
  if [ -e "$state" ] || [ -L "$state" ]; then ours "$state"; fi
  find_registry
}
find_registry() {
  current=$registry
  if [ ! -e "$registry" ] && [ -e "$first" ]; then current=$first; fi
}
`;

/** The command line of a script. Any login but root's goes through sudo, which must not ask for a password. */
export function command(script: string, user: string): string {
  return `${user === "root" ? "" : "sudo -n "}sh -c '${script}'`;
}
