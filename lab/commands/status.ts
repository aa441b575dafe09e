import { Lab } from "../lab";
import { JSON_DETAIL, JSON_OPTION, type LabCommand, parse, print, printJson } from "./command";
import { describe } from "./describe";

/** `heye lab status`: code 0 when there is something to show, 3 when no lab is up (as service managers do). */
export const status: LabCommand = {
  usage: "status [NAME] [--json]",
  summary: "what runs, and where",
  details: ["NAME             default: all that are up", JSON_DETAIL],
  run: async (argv) => {
    const { values, positionals } = parse(argv, { ...JSON_OPTION });
    const names = positionals.length > 0 ? positionals : Lab.running();
    const labs = names.map((name) => Lab.attach(name));
    if (values.json) {
      const entries = labs.map(async (lab) => ({ ...lab.inventory, status: await lab.status() }));
      printJson(await Promise.all(entries));
    } else if (labs.length === 0) print("No lab is up. Bring one up with: heye lab up");
    else for (const lab of labs) print(...(await describe(lab)));
    return labs.length > 0 ? 0 : 3;
  },
};
