import { LabInputError } from "../errors";
import type { LabFaults, ServiceName } from "../faults";
import type { Network } from "../impairment";
import type { HangStage } from "../world/sshd";
import { chosenLab } from "./chosen";
import { LAB_DETAIL, LAB_OPTION, type LabCommand, parse, print } from "./command";

const OPTIONS = {
  ...LAB_OPTION,
  "no-withdraw": { type: "boolean", default: false },
  "no-announce": { type: "boolean", default: false },
  delay: { type: "string", default: "0" },
  jitter: { type: "string", default: "0" },
  loss: { type: "string", default: "0" },
} as const;

/** The options, as parsed. */
interface Values {
  readonly "no-withdraw": boolean;
  readonly "no-announce": boolean;
  readonly delay: string;
  readonly jitter: string;
  readonly loss: string;
}

type Inject = (fault: LabFaults, node: string, argument: string | undefined, values: Values) => Promise<void>;

// The world knows which services and networks a node has, and says so: texts are passed on as they are.
const KINDS: Readonly<Record<string, Inject>> = {
  "kill-director": (fault, node, _, values) => fault.killDirector(node, { withdraw: !values["no-withdraw"] }),
  "restore-director": (fault, node) => fault.restoreDirector(node),
  "reboot-director": (fault, node, _, values) =>
    fault.rebootDirector(node, { announce: !values["no-announce"] }),
  "kill-server": (fault, node) => fault.killServer(node),
  "restore-server": (fault, node) => fault.restoreServer(node),
  "impair-network": (fault, node, network, values) =>
    fault.impairNetwork(node, {
      network: network as Network,
      delayMs: numberOf("--delay", values.delay),
      jitterMs: numberOf("--jitter", values.jitter),
      lossPercent: numberOf("--loss", values.loss),
    }),
  "restore-network": (fault, node, network) => fault.restoreNetwork(node, network as Network | undefined),
  "hang-ssh": (fault, node, stage) =>
    fault.hangSsh(node, stage === undefined ? {} : { stage: stage as HangStage }),
  "restore-ssh": (fault, node) => fault.restoreSsh(node),
  "stop-service": (fault, node, service) => fault.stopService(node, service as ServiceName),
  "start-service": (fault, node, service) => fault.startService(node, service as ServiceName),
  "set-health": (fault, node, status) => fault.setHealth(node, Number(status) as 200 | 503),
};

/** Needs no node. */
const MEND_ALL = "mend-all";

/** `heye lab fault`: breaks something, or mends it. */
export const fault: LabCommand = {
  usage: "fault [options] KIND [NODE [NETWORK | STAGE | SERVICE | STATUS]]",
  summary: "break something, or mend it",
  details: [
    "kill-director, restore-director d1            cut off, as if its power were gone; the switch stops sending to it",
    "reboot-director d1                            its table, processes, sysctls, /run and /tmp are gone",
    "hang-ssh d1 [banner | command]                accepts connections in silence (default), or hangs after the login",
    "restore-ssh d1                                mends hang-ssh",
    "impair-network d1 management --delay 20       slow or lossy links: management (SSH), front, back; rs1 back; client client",
    "restore-network d1 [management]               one of its networks, or all",
    "kill-server, restore-server rs1               silent",
    "stop-service, start-service rs1 http          http, tcp, udp, mysql (db1) or sshd (directors): the port refuses",
    "set-health rs1 503                            what GET /health answers: 200 or 503",
    "mend-all                                      ends every fault that is on; `heye lab status` lists them",
    "",
    LAB_DETAIL,
    "--no-withdraw    with kill-director: the switch goes on sending to it",
    "--no-announce    with reboot-director: the switch does not send to it again until restore-director",
    "--delay MS, --jitter MS, --loss PERCENT       with impair-network: of each packet, either way",
  ],
  run: async (argv) => {
    const { values, positionals } = parse(argv, OPTIONS);
    const [kind = "", node, argument] = positionals;
    const { fault: faults } = chosenLab(values.lab);
    const inject = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (kind === MEND_ALL) await faults.mendAll();
    else if (inject && node !== undefined) await inject(faults, node, argument, values);
    else
      throw new LabInputError(
        `Expected a kind of fault (${[...Object.keys(KINDS), MEND_ALL].join(", ")}) and a node, found ${JSON.stringify(positionals.join(" "))}.`,
      );
    print(`${positionals.join(" ")}: done`);
    return 0;
  },
};

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new LabInputError(`${option}: expected a number, found ${JSON.stringify(text)}.`);
}
