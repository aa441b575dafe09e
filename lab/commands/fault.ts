import { LabInputError } from "../errors";
import type { LabFaults, ServiceName } from "../faults";
import { chosenLab } from "./chosen";
import { LAB_DETAIL, LAB_OPTION, type LabCommand, parse, print } from "./command";

type Inject = (fault: LabFaults, node: string, argument: string, withdraw: boolean) => Promise<void>;

const KINDS: Readonly<Record<string, Inject>> = {
  "kill-director": (fault, node, _, withdraw) => fault.killDirector(node, { withdraw }),
  "restore-director": (fault, node) => fault.restoreDirector(node),
  "kill-server": (fault, node) => fault.killServer(node),
  "restore-server": (fault, node) => fault.restoreServer(node),
  // The world knows which services a node has, and says so.
  "stop-service": (fault, node, service) => fault.stopService(node, service as ServiceName),
  "start-service": (fault, node, service) => fault.startService(node, service as ServiceName),
  "set-health": (fault, node, status) => fault.setHealth(node, Number(status) as 200 | 503),
};

/** `heye lab fault`: breaks something, or mends it. */
export const fault: LabCommand = {
  usage: "fault [options] KIND NODE [SERVICE | STATUS]",
  summary: "break something, or mend it",
  details: [
    "kill-director, restore-director d1            cut off, as if its power were gone; the switch stops sending to it",
    "kill-server, restore-server rs1               silent",
    "stop-service, start-service rs1 http          http, tcp, udp, mysql (db1) or sshd (directors): the port refuses",
    "set-health rs1 503                            what GET /health answers: 200 or 503",
    "",
    LAB_DETAIL,
    "--no-withdraw    with kill-director: the switch goes on sending to it",
  ],
  run: async (argv) => {
    const { values, positionals } = parse(argv, {
      ...LAB_OPTION,
      "no-withdraw": { type: "boolean", default: false },
    });
    const [kind = "", node, argument = ""] = positionals;
    const inject = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (!inject || node === undefined)
      throw new LabInputError(
        `Expected a kind of fault (${Object.keys(KINDS).join(", ")}) and a node, found ${JSON.stringify(positionals.join(" "))}.`,
      );
    await inject(chosenLab(values.lab).fault, node, argument, !values["no-withdraw"]);
    print(`${[kind, node, argument].join(" ").trimEnd()}: done`);
    return 0;
  },
};
