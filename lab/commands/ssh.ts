import { spawn } from "node:child_process";
import { labLayer } from "../../setup";
import { errnoOf, LabInputError, NoLabError } from "../errors";
import { availableIn, layerEnvironment } from "../layer";
import { chosenLab } from "./chosen";
import { LAB_DETAIL, LAB_OPTION, type LabCommand, parse, splitAtFirstWord } from "./command";

/** `heye lab ssh`: this machine's ssh client, with the lab's key and known hosts. */
export const ssh: LabCommand = {
  usage: "ssh [--lab NAME] DIRECTOR [COMMAND...]",
  summary: "log in to a director",
  details: [LAB_DETAIL],
  run: async (argv) => {
    const [head, [name, ...command]] = splitAtFirstWord(argv, ["--lab"]);
    const { values } = parse(head, { ...LAB_OPTION });
    const { directors, knownHostsFile } = chosenLab(values.lab).inventory;
    const known = directors.map((d) => d.name).join(", ");
    const director = directors.find((d) => d.name === name);
    if (!director) throw new LabInputError(`Expected a director (${known}), found ${name ?? "none"}.`);
    const options = [`UserKnownHostsFile=${quoted(knownHostsFile)}`, "IdentitiesOnly=yes", "LogLevel=ERROR"];
    return run([
      ...["-i", director.privateKeyFile, "-p", String(director.port)],
      ...options.flatMap((option) => ["-o", option]),
      `${director.user}@${director.host}`,
      ...command,
    ]);
  },
};

/** ssh splits the value of this option at spaces. */
function quoted(path: string): string {
  return `"${path}"`;
}

async function run(argv: string[]): Promise<number> {
  const layer = await labLayer();
  const env = { ...process.env, ...layerEnvironment(layer) };
  const child = spawn(availableIn(layer, "usr/bin/ssh"), argv, { stdio: "inherit", env });
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => resolve(code ?? 128));
    child.on("error", (error) =>
      reject(
        errnoOf(error) === "ENOENT"
          ? new NoLabError(
              "There is no ssh client on this machine (package openssh-client). `heye lab exec` does without.",
            )
          : error,
      ),
    );
  });
}
