import { LabInputError } from "../errors";
import { chosenLab } from "./chosen";
import { LAB_DETAIL, LAB_OPTION, type LabCommand, parse, splitAtFirstWord, wholeNumber } from "./command";

/** `heye lab exec`: exit code, output and errors are the program's own. */
export const exec: LabCommand = {
  usage: "exec [options] NODE PROGRAM [ARGUMENT...]",
  summary: "run a program inside a node (d1, rs1, db1, tcp1, client, router, switch)",
  details: [LAB_DETAIL, "--timeout MS     kill it after that long (default: 60000)"],
  run: async (argv) => {
    const [head, [node, ...rest]] = splitAtFirstWord(argv, ["--lab", "--timeout"]);
    // As docker and kubectl take it: the program after a --.
    const program = rest[0] === "--" ? rest.slice(1) : rest;
    const { values } = parse(head, { ...LAB_OPTION, timeout: { type: "string", default: "60000" } });
    if (node === undefined || program.length === 0)
      throw new LabInputError("Expected a node and a program: heye lab exec d1 ipvsadm -Ln");
    const timeoutMs = wholeNumber("--timeout", values.timeout);
    const result = await chosenLab(values.lab).exec(node, program, { timeoutMs });
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
    return result.code ?? 128;
  },
};
