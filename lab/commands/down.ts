import { Lab } from "../lab";
import { labNames } from "../sweep";
import { DEFAULT_LAB, type LabCommand, parse, print } from "./command";

/** `heye lab down`: also removes what a crashed lab has left. */
export const down: LabCommand = {
  usage: "down [NAME...] [--all]",
  summary: "take labs down and remove what crashed ones left behind",
  details: [`NAME             default: ${DEFAULT_LAB}`, "--all            every lab of this clone"],
  run: async (argv) => {
    const { values, positionals } = parse(argv, { all: { type: "boolean", default: false } });
    const names = values.all ? labNames() : positionals.length > 0 ? positionals : [DEFAULT_LAB];
    for (const name of names) {
      const was = await Lab.down(name);
      if (was || !values.all) print(was ? `lab ${name}: down` : `lab ${name}: was not up`);
    }
    return 0;
  },
};
