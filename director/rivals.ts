import { parseRivals, type RivalSign } from "./capabilities";
import type { Director } from "./director";
import { failed } from "./state";

/** Shell functions: `rivals` tells of other programs that manage IPVS in this network. For parseRivals. */
export const RIVALS_THERE = `
keepalived() {
  here=
  for folder in /proc/[0-9]*; do
    IFS= read -r comm 2>/dev/null <"$folder/comm" || continue
    case $comm in [Kk]eepalived*) ;; *) continue ;; esac
    [ -n "$here" ] || here=$(readlink /proc/self/ns/net)
    there=$(readlink "$folder/ns/net" 2>/dev/null) || continue
    if [ "$there" != "$here" ]; then continue; fi
    IFS=" " read -r pid name mode parent rest 2>/dev/null <"$folder/stat" || continue
    echo "keepalived $pid $parent $comm $(tr "\\\\0" " " 2>/dev/null <"$folder/cmdline")"
  done
  [ -z "$here" ] || for file in /run/vrrp*.pid /run/bfd*.pid /run/keepalived/vrrp*.pid /run/keepalived/bfd*.pid; do
    if IFS= read -r pid 2>/dev/null <"$file"; then echo "harmless $pid"; fi
  done
}
rivals() {
  while IFS=": " read -r device rest; do
    if [ "$device" = kube-ipvs0 ]; then echo "kube-proxy"; fi
  done </proc/net/dev
  keepalived
}
`;

/** Needs no program of ours: what we need may have to be installed first. A fixed script without single quotes. */
export const FIND_RIVALS = `
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
${RIVALS_THERE}
rivals
echo end
`;

/** Other programs that manage IPVS on a director, found out with what every system has. */
export async function findRivals(director: Director): Promise<RivalSign[]> {
  const { stdout, stderr, exitCode } = await director.execute(FIND_RIVALS, "", "looking for other programs");
  const lines = stdout.split("\n");
  if (!lines.includes("end")) throw failed(director.name, stderr || stdout, exitCode);
  return parseRivals(lines);
}
