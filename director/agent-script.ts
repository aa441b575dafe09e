/**
 * Scripts that put an agent on a director, look for one and remove it. Fixed texts without single quotes, as in
 * root-script.ts; what is put there travels on standard input.
 */
import { AGENT_FILES } from "./agent-files";
import { AGENT_FOLDER, AGENT_READY } from "./agent-protocol";

const BEGIN = `
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/heye agent=${AGENT_FOLDER}
answer() { echo "heye 1 $1"; exit 0; }
ours() {
  if [ -L "$1" ] || [ ! -d "$1" ] || [ ! -O "$1" ]; then answer "unsafe $1"; fi
}
make_folder() {
  [ -e "$state" ] || mkdir -m 700 "$state"
  ours "$state"
  [ -e "$agent" ] || mkdir -m 700 "$agent"
  ours "$agent"
}
has_systemd() { [ -d /run/systemd/system ]; }
stop_supervisor() {
  if [ ! -s ${AGENT_FILES.pid} ]; then return 0; fi
  read -r pid <${AGENT_FILES.pid}
  case "$(tr "\\0" " " <"/proc/$pid/cmdline" 2>/dev/null)" in
    *${AGENT_FILES.supervisor}*) kill -KILL "$pid" 2>/dev/null ;;
  esac
  rm -f ${AGENT_FILES.pid}
}
# Process ids of agents, whoever started them. This very script is the argument of a process too: it names the program by
# a variable alone.
program=$agent/heye-agent.js
agents() {
  for folder in /proc/[0-9]*; do
    case "$(tr "\\0" " " <"$folder/cmdline" 2>/dev/null)" in
      *" $program run "*) echo "\${folder#/proc/}" ;;
    esac
  done
}
# Whether an agent answers, and which: without starting anything that would ask it.
answers() {
  pid= running=
  if [ ! -s ${AGENT_READY} ]; then return 1; fi
  read -r pid running <${AGENT_READY}
  case "$(tr "\\0" " " <"/proc/$pid/cmdline" 2>/dev/null)" in *" $program run "*) return 0 ;; esac
  return 1
}
# Ends the agent, and waits: it writes down what it knows first. One that hangs is killed.
stop_agent() {
  if has_systemd; then systemctl stop heye-agent.service 2>/dev/null; fi
  others=
  if [ ! -s ${AGENT_FILES.pid} ]; then others=$(agents); fi
  stop_supervisor
  left=50
  while running=$(agents) && [ -n "$running" ] && [ "$left" -gt 0 ]; do
    if [ "$left" -eq 50 ]; then kill -TERM $running 2>/dev/null; fi
    if [ "$left" -eq 1 ]; then kill -KILL $running 2>/dev/null; fi
    left=$((left - 1))
    sleep 0.1
  done
}
`;

/**
 * Input: the version, the length in bytes of the unit, the supervisor and the program, then these. Nothing is done where
 * this version answers already.
 */
export const INSTALL_AGENT = `${BEGIN}
read -r version unit_size supervisor_size size
[ -e /run/heye ] || mkdir -m 700 /run/heye
ours /run/heye
make_folder
node=
for candidate in /usr/local/bin/node /usr/bin/node "$agent/node" $(command -v node nodejs); do
  if [ -x "$candidate" ] && "$candidate" -e "process.exit(+process.versions.node.split(String.fromCharCode(46))[0] >= 22 ? 0 : 1)" 2>/dev/null; then
    node=$candidate
    break
  fi
done
if [ -z "$node" ]; then answer "without node"; fi
take() { head -c "$1" >"$2.new" && sync "$2.new" && mv -f "$2.new" "$2"; }
failed() { echo "heye 1 failed"; echo "$1"; exit 0; }
folder=/etc/systemd/system
mkdir -p "$folder/multi-user.target.wants" 2>/dev/null
if ! take "$unit_size" ${AGENT_FILES.unit}; then failed "its unit could not be written to $folder"; fi
take "$supervisor_size" ${AGENT_FILES.supervisor} && chmod 700 ${AGENT_FILES.supervisor} || failed "$agent could not be written to"
take "$size" ${AGENT_FILES.program} || failed "$agent could not be written to"
printf "#!/bin/sh\\nexec %s %s \\"\\$@\\"\\n" "$node" ${AGENT_FILES.program} >${AGENT_FILES.command} && chmod 700 ${AGENT_FILES.command} ||
  failed "$agent could not be written to"
chmod 644 ${AGENT_FILES.unit}
ln -sf ../heye-agent.service ${AGENT_FILES.link}
stop_agent
if has_systemd; then
  systemctl daemon-reload && systemctl restart heye-agent.service || failed "systemd did not start it: $(systemctl status heye-agent.service 2>&1 | tail -n 5)"
else
  : >>${AGENT_FILES.log}
  # Where some init without systemd had started it, that one starts it again.
  if [ -n "$others" ]; then sleep 2; fi
  [ -n "$(agents)" ] || setsid ${AGENT_FILES.supervisor} </dev/null >/dev/null 2>&1 &
fi
left=300
until answers; do
  left=$((left - 1))
  if [ "$left" -eq 0 ]; then
    if has_systemd; then failed "it does not answer: $(journalctl -u heye-agent.service -n 5 -o cat 2>&1)"; fi
    failed "it does not answer: $(tail -n 5 ${AGENT_FILES.log} 2>&1)"
  fi
  sleep 0.1
done
answer installed
`;

/** Answers the version of the agent that answers on the director; nothing where none does. */
export const AGENT_VERSION = `${BEGIN}
if [ -x ${AGENT_FILES.command} ] && answers; then answer "runs $running"; fi
if [ -e ${AGENT_FILES.program} ]; then answer "stopped"; fi
answer "absent"
`;

/** Stops the agent and removes all that is its own; the registry and the table stay. */
export const REMOVE_AGENT = `${BEGIN}
if [ ! -e "$agent" ]; then answer absent; fi
if has_systemd; then systemctl disable --now heye-agent.service 2>/dev/null; fi
if [ -x ${AGENT_FILES.command} ]; then stop_agent; fi
# It alone knows what it has begun: whose entries are in the kernel would not be known any more.
if [ -e "$agent/journal.json" ]; then
  echo "heye 1 failed"
  echo "a change has begun and could not be written down ($agent/journal.json): make room on its disk, start it, and try again"
  exit 0
fi
rm -f ${AGENT_FILES.unit} ${AGENT_FILES.link} ${AGENT_FILES.log} ${AGENT_FILES.pid} ${AGENT_READY} /run/heye/agent.sock
if has_systemd; then systemctl daemon-reload; fi
rm -rf "$agent"
rmdir "$state" 2>/dev/null
answer removed
`;

/**
 * Input: an architecture as `uname -m` has it, a length in bytes, and so many bytes of a Node, compressed by gzip. Kept where
 * it runs.
 */
export const SEND_NODE = `${BEGIN}
read -r architecture size
make_folder
failed() { rm -f "$agent/node.new"; echo "heye 1 failed"; echo "$1"; exit 0; }
if [ "$(uname -m)" != "$architecture" ]; then answer "other $(uname -m)"; fi
head -c "$size" | gzip -dc >"$agent/node.new" || failed "a Node could not be written to $agent"
chmod 700 "$agent/node.new"
said=$("$agent/node.new" -e 0 2>&1) || failed "a Node that was sent does not run there: $said"
sync "$agent/node.new" && mv -f "$agent/node.new" "$agent/node" || failed "a Node could not be kept in $agent"
answer sent
`;
