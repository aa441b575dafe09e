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
  read -r pids <${AGENT_FILES.pid}
  for pid in $pids; do
    case "$(tr "\\0" " " <"/proc/$pid/cmdline" 2>/dev/null)" in
      "/bin/sh ${AGENT_FILES.supervisor} "*) kill -KILL "$pid" 2>/dev/null ;;
    esac
  done
  rm -f ${AGENT_FILES.pid}
}
# This very script is the argument of a process too: it names the program by a variable alone.
program=$agent/heye-agent.js
own=$(readlink /proc/self/ns/pid)
# Whether a process is an agent of this host: a node that runs the program, in no container.
is_agent() {
  read -r comm 2>/dev/null <"/proc/$1/comm" || return 1
  case "$comm" in node* | MainThread) ;; *) return 1 ;; esac
  line=$(tr "\\0" " " 2>/dev/null <"/proc/$1/cmdline") || return 1
  case "$line" in "\${line%% *} $program run "*) ;; *) return 1 ;; esac
  case "\${line%% *}" in */node) ;; *) return 1 ;; esac
  [ "$(readlink "/proc/$1/ns/pid")" = "$own" ]
}
agents() {
  for folder in /proc/[0-9]*; do
    if is_agent "\${folder#/proc/}"; then echo "\${folder#/proc/}"; fi
  done
}
# Whether an agent answers, and which: without starting anything that would ask it.
answers() {
  pid= running= configured=
  if [ ! -s ${AGENT_READY} ]; then return 1; fi
  read -r pid running configured <${AGENT_READY}
  is_agent "$pid"
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
# What stop_agent has ended.
start_agent() {
  if has_systemd; then
    systemctl daemon-reload
    systemctl restart heye-agent.service
  else
    : >>${AGENT_FILES.log}
    # Where some init without systemd had started it, that one starts it again.
    if [ -n "$others" ]; then sleep 2; fi
    [ -n "$(agents)" ] || setsid ${AGENT_FILES.supervisor} </dev/null >/dev/null 2>&1 9>&- &
  fi
}
`;

/**
 * Input: the version, the digest of the configuration, the length in bytes of the unit, the supervisor, the program and the
 * configuration, then these. Without a configuration its digest is "-", and there is no file of it.
 */
export const INSTALL_AGENT = `${BEGIN}
read -r version digest unit_size supervisor_size size config_size
config=${AGENT_FILES.config}
# The unit of the agent sees nothing of these (director/sandbox.ts), and version managers keep their Nodes there.
hidden() {
  case "$(readlink -f "$1")" in /root/* | /home/* | /run/user/* | /tmp/* | /var/tmp/*) has_systemd ;; *) return 1 ;; esac
}
node=
for candidate in /usr/local/bin/node /usr/bin/node "$agent/node" $(command -v node nodejs); do
  if [ -x "$candidate" ] && ! hidden "$candidate" && "$candidate" -e "process.exit(+process.versions.node.split(String.fromCharCode(46))[0] >= 22 ? 0 : 1)" 2>/dev/null; then
    node=$candidate
    break
  fi
done
if [ -z "$node" ]; then answer "without node"; fi
[ -e /run/heye ] || mkdir -m 700 /run/heye
ours /run/heye
fresh=
[ -e "$program" ] || fresh=yes
make_folder
# A connection that is lost on the way leaves a part of it.
take() {
  head -c "$1" >"$2.new" && [ "$(wc -c <"$2.new")" -eq "$1" ] &&
    chmod "$3" "$2.new" && sync "$2.new" && mv -f "$2.new" "$2"
}
# A second name: where a disk is full a copy would be half of it.
keep() { ln -f "$1" "$1.old"; }
ended=
# Its own, if it has said anything: systemd has seven lines about each start that fails, and Node twenty about an error.
last_words() {
  if has_systemd; then
    journalctl -q _SYSTEMD_UNIT=heye-agent.service --since "@$began" -n 20 -o cat 2>/dev/null | grep . ||
      journalctl -u heye-agent.service -n 5 -o cat 2>&1
  else
    tail -n 20 ${AGENT_FILES.log} 2>&1
  fi
}
# Nothing is left of an agent that could not be put here; of an upgrade, the agent that was there goes on.
failed() {
  rm -f "$agent"/*.new ${AGENT_FILES.unit}.new
  if [ -n "$fresh" ]; then
    stop_agent
    rm -rf ${AGENT_FILES.unit} ${AGENT_FILES.link} "$agent"
  else
    [ -z "$ended" ] || stop_agent
    if [ -e "$program.old" ]; then
      mv -f "$program.old" "$program"
      if [ -e "$config.old" ]; then mv -f "$config.old" "$config"; else rm -f "$config"; fi
    fi
    rm -f "$config.old"
    [ -z "$ended" ] || start_agent
  fi
  echo "heye 1 failed"
  echo "$1"
  exit 0
}
# A change by a script is not to be taken for half of one: the agent begins when it is over.
exec 9>/run/heye/lock
if ! flock -x -w 20 9; then
  # What is there may be half of what that run puts there.
  rmdir "$agent" 2>/dev/null
  echo "heye 1 failed"
  echo "another run has held its lock for 20 s"
  exit 0
fi
folder=/etc/systemd/system
mkdir -p "$folder/multi-user.target.wants" 2>/dev/null
take "$unit_size" ${AGENT_FILES.unit} 644 || failed "its unit could not be written to $folder"
rm -f "$config.old" "$program.old"
if [ -z "$fresh" ]; then
  [ ! -e "$config" ] || keep "$config" || failed "$agent could not be written to"
  keep "$program" || failed "$agent could not be written to"
fi
take "$supervisor_size" ${AGENT_FILES.supervisor} 700 || failed "$agent could not be written to"
take "$size" "$program" 600 || failed "$agent could not be written to"
if [ "$config_size" -eq 0 ]; then rm -f "$config"; else take "$config_size" "$config" 600; fi || failed "$agent could not be written to"
command=$(printf "#!/bin/sh\\nexec %s %s \\"\\$@\\"\\n." "$node" "$program")
command=\${command%.}
printf "%s" "$command" | take \${#command} ${AGENT_FILES.command} 700 ||
  failed "$agent could not be written to"
ln -sf ../heye-agent.service ${AGENT_FILES.link}
# Whether systemd has started it again and again: until that is given up nobody watches the servers.
ends_again() {
  has_systemd && restarts=$(systemctl show -p NRestarts --value heye-agent.service 2>/dev/null) &&
    [ "\${restarts:-0}" -ge 3 ]
}
ended=yes
stop_agent
began=$(date +%s)
start_agent
left=300
until answers && [ "$running" = "$version" ] && [ "$configured" = "$digest" ]; do
  left=$((left - 1))
  if [ "$left" -eq 0 ] || ends_again; then failed "it does not answer: $(last_words)"; fi
  sleep 0.1
done
rm -f "$program.old" "$config.old"
answer installed
`;

/** Answers the version of the agent that answers on the director, and the digest of what it was told; nothing where none does. */
export const AGENT_VERSION = `${BEGIN}
if [ -x ${AGENT_FILES.command} ] && answers; then answer "runs $running $configured"; fi
if [ -e ${AGENT_FILES.program} ]; then answer "stopped"; fi
answer "absent"
`;

/** Stops the agent and removes all that is its own; the registry and the table stay. */
export const REMOVE_AGENT = `${BEGIN}
if [ ! -e "$agent" ]; then answer absent; fi
# It alone knows what it has begun: whose entries are in the kernel would not be known any more.
refuse() {
  echo "heye 1 failed"
  echo "a change has begun and could not be written down ($agent/journal.json): make room on its disk and try again; $1"
  exit 0
}
# One that is under way is soon over. Its agent goes on: it may not be able to start again.
left=50
while [ -e "$agent/journal.json" ] && [ "$left" -gt 0 ]; do
  left=$((left - 1))
  sleep 0.1
done
if [ -e "$agent/journal.json" ]; then refuse "nothing was stopped"; fi
if [ -x ${AGENT_FILES.command} ]; then stop_agent; fi
if [ -e "$agent/journal.json" ]; then
  if [ -x ${AGENT_FILES.command} ]; then start_agent; fi
  refuse "it was started again"
fi
if has_systemd; then systemctl disable --now heye-agent.service 2>/dev/null; fi
rm -f ${AGENT_FILES.unit} ${AGENT_FILES.link} ${AGENT_FILES.log} ${AGENT_FILES.olderLog} ${AGENT_FILES.pid} ${AGENT_READY} /run/heye/agent.sock
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
if [ "$(uname -m)" != "$architecture" ]; then answer "other $(uname -m)"; fi
make_folder
failed() {
  rm -f "$agent/node.new"
  [ -e "$program" ] || rm -rf "$agent"
  echo "heye 1 failed"
  echo "$1"
  exit 0
}
head -c "$size" | gzip -dc >"$agent/node.new" || failed "a Node could not be written to $agent"
chmod 700 "$agent/node.new"
said=$("$agent/node.new" -e 0 2>&1) || failed "a Node that was sent does not run there: $said"
sync "$agent/node.new" && mv -f "$agent/node.new" "$agent/node" || failed "a Node could not be kept in $agent"
answer sent
`;
