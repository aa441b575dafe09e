import { LabBusyError, LabInputError } from "../errors";
import { Lab } from "../lab";
import {
  DEFAULT_LAB,
  JSON_DETAIL,
  JSON_OPTION,
  type LabCommand,
  parse,
  print,
  printJson,
  wholeNumber,
} from "./command";
import { describe } from "./describe";

/** `heye lab up`: a lab that goes on after the command; nothing happens when it is up with that many directors. */
export const up: LabCommand = {
  usage: "up [NAME] [options]",
  summary: "bring a lab up; it goes on until `heye lab down`",
  details: [
    `NAME             default: ${DEFAULT_LAB}`,
    "--directors N    1 to 254 (default: 3)",
    "--servers N      web servers, 0 to 1000, beside db1 and tcp1 (default: 4)",
    "--no-database    do not run MariaDB on db1",
    "--mode MODE      guest (user-mode Linux), namespaces (this kernel's IPVS) or auto (default)",
    JSON_DETAIL,
  ],
  run: async (argv) => {
    const { values, positionals } = parse(argv, {
      directors: { type: "string", default: "3" },
      servers: { type: "string", default: "4" },
      "no-database": { type: "boolean", default: false },
      mode: { type: "string", default: "auto" },
      ...JSON_OPTION,
    });
    const name = positionals[0] ?? DEFAULT_LAB;
    const shape = {
      directors: wholeNumber("--directors", values.directors),
      servers: wholeNumber("--servers", values.servers),
      database: !values["no-database"],
    };
    const lab =
      running(name, shape.directors) ??
      (await Lab.up({ name, ...shape, mode: modeOf(values.mode), keep: true }));
    if (values.json) printJson(lab.inventory);
    else print(...(await describe(lab)), "", `Take it down with: heye lab down ${name}`);
    return 0;
  },
};

function running(name: string, directors: number): Lab | undefined {
  if (!Lab.running().includes(name)) return undefined;
  const lab = Lab.attach(name);
  if (lab.inventory.directors.length === directors) return lab;
  throw new LabBusyError(
    `The lab ${name} is up with ${lab.inventory.directors.length} directors, ${directors} were asked for. ` +
      `Take it down first: heye lab down ${name}`,
  );
}

function modeOf(text: string): "auto" | "guest" | "namespaces" {
  if (text === "auto" || text === "guest" || text === "namespaces") return text;
  throw new LabInputError(`--mode: expected auto, guest or namespaces, found ${JSON.stringify(text)}.`);
}
