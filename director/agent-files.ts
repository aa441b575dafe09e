/**
 * What the agent has on a director: its program, a unit for systemd, a supervisor where there is none. Written by
 * agent-install.ts, removed by it.
 */
import { AGENT_FOLDER, AGENT_READY } from "./agent-protocol";
import { SANDBOX } from "./sandbox";

/** Where the files lie. */
export const AGENT_FILES = {
  program: `${AGENT_FOLDER}/heye-agent.js`,
  command: `${AGENT_FOLDER}/heye-agent`,
  supervisor: `${AGENT_FOLDER}/supervise`,
  /** What it is told besides what is declared; with secrets, for root alone. */
  config: `${AGENT_FOLDER}/agent.json`,
  unit: "/etc/systemd/system/heye-agent.service",
  link: "/etc/systemd/system/multi-user.target.wants/heye-agent.service",
  log: "/run/heye/agent.log",
  /** What was in the log before it was begun anew. */
  olderLog: "/run/heye/agent.log.1",
  pid: "/run/heye/supervisor.pid",
} as const;

/**
 * Starts before the network counts as online and before what announces addresses to a switch, as heye-restore.service
 * does and after it, so that no packet meets an empty table. What it leaves in the kernel when it ends goes on.
 */
export const AGENT_UNIT = `# Written by pulumi-heye (Cluster.mode: agent); removed when the mode is another one.
[Unit]
Description=Keep the IPVS table of pulumi-heye
RequiresMountsFor=/var/lib/heye
After=systemd-modules-load.service systemd-sysctl.service heye-restore.service
Wants=network-online.target
Before=network-online.target bird.service frr.service exabgp.service gobgpd.service keepalived.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStartPre=-/bin/rm -f ${AGENT_READY}
ExecStart=${AGENT_FILES.command} run
# Started only when the table is filled: what waits for this unit meets no empty one.
ExecStartPost=/bin/sh -c 'until [ -s ${AGENT_READY} ]; do kill -0 $MAINPID || exit 1; sleep 0.1; done'
TimeoutStartSec=60
Restart=always
RestartSec=1
${SANDBOX}
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;

/**
 * A shell function that keeps a log to about `bytes`, and as much again in `olderLog`, for as long as the shell lives: who
 * writes it appends, and goes on.
 *
 * @param everyS how often it is looked at
 */
export function boundLog(log: string, olderLog: string, bytes: number, everyS: number): string {
  return `bound_log() {
  while sleep ${everyS} && kill -0 $$ 2>/dev/null; do
    if [ "$(wc -c <${log})" -gt ${bytes} ]; then cp ${log} ${olderLog} && : >${log}; fi
  done
}`;
}

/** Where there is no systemd: starts the agent again a second after it has ended, for as long as it is there. */
export const SUPERVISOR = `#!/bin/sh
# Written by pulumi-heye (Cluster.mode: agent); removed when the mode is another one.
cd /
trap "" HUP
mkdir -p -m 700 /run/heye
${boundLog(AGENT_FILES.log, AGENT_FILES.olderLog, 4_194_304, 60)}
bound_log >/dev/null 2>&1 &
echo "$$ $!" >${AGENT_FILES.pid}
while [ -x ${AGENT_FILES.command} ]; do
  ${AGENT_FILES.command} run >>${AGENT_FILES.log} 2>&1
  sleep 1
done
`;
