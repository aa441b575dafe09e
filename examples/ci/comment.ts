/**
 * Prints a comment for the pull request. Reads what `pulumi preview --json` printed from standard input; what the policies
 * said is not in it, so a file with the output of `pulumi preview --policy-pack ...` may be named as well.
 */
import { readFileSync } from "node:fs";

interface State {
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

interface Step {
  readonly op: string;
  readonly urn: string;
  readonly oldState?: State;
  readonly newState?: State;
}

interface Preview {
  readonly steps?: readonly Step[];
  readonly diagnostics?: readonly { readonly message?: string; readonly severity?: string }[];
  readonly changeSummary?: Readonly<Record<string, number>>;
}

/** Under this key Pulumi writes that a value is a secret. Neither its text nor its cipher belongs into a comment. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

const WORDS: Readonly<Record<string, string>> = {
  create: "make",
  update: "change",
  delete: "**remove**",
  replace: "**replace**",
};

/** @param judged what `pulumi preview --policy-pack` printed; undefined: nobody asked the policies */
function comment(preview: Preview, judged: string | undefined): string {
  const rows = (preview.steps ?? [])
    .filter(({ op }) => Object.hasOwn(WORDS, op))
    .map((step) => `| ${WORDS[step.op]} | ${nameOf(step)} | ${changesOf(step).join("<br>")} |`);
  const told = (preview.diagnostics ?? []).filter(
    ({ severity, message }) => message && (severity === "error" || /warning: /.test(message)),
  );
  const policies = /^Policies:\n(.*?)\n\n/ms.exec(plain(judged))?.[1] ?? "";
  return [
    "### Load balancing: what this changes",
    "",
    ...(rows.length === 0 ? ["Nothing."] : ["| | resource | properties |", "|---|---|---|", ...rows]),
    ...(told.length === 0 ? [] : ["", "```", ...told.map(({ message }) => plain(message).trim()), "```"]),
    ...(judged === undefined || /^Policies:$/m.test(plain(judged))
      ? []
      : ["", "**The policies did not judge this.** The log says why."]),
    ...(/\[(?:mandatory|advisory)\]/.test(policies) ? ["", "Policies:", "", "```", policies, "```"] : []),
    "",
    summary(preview.changeSummary ?? {}),
    "",
  ].join("\n");
}

function nameOf({ urn, newState, oldState }: Step): string {
  const type = (newState ?? oldState)?.type.split(":").at(-1);
  return `${type} \`${urn.split("::").at(-1)}\``;
}

/** Paths of what differs, with both values where they are short and no secrets. */
function changesOf({ op, oldState, newState }: Step): string[] {
  if (op !== "update" && op !== "replace") return [];
  const found = differences(oldState?.inputs ?? {}, newState?.inputs ?? {}, "");
  // The handle of a cluster is secret: a director that comes or goes shows as nothing more than this.
  return found.length === 0 ? ["cluster or credentials (secret)"] : found;
}

function differences(before: unknown, after: unknown, path: string): string[] {
  if (JSON.stringify(before) === JSON.stringify(after) || path === "__provider") return [];
  if (isSecret(before) || isSecret(after)) return [`\`${path}\`: a secret`];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => {
      const inner = Array.isArray(after) ? `${path}[${key}]` : [path, key].filter(Boolean).join(".");
      return differences(before[key], after[key], inner);
    });
  }
  return [`\`${path}\`: ${shown(before)} → ${shown(after)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isSecret(value: unknown): boolean {
  return isObject(value) && SIGNATURE in value;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (!isObject(value)) return `\`${String(value)}\``;
  const address = "address" in value && typeof value.address === "string" ? value.address : undefined;
  return address === undefined ? "..." : `\`${address}\``;
}

function summary(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([op, count]) => `${count} ${op}`);
  return words.length === 0 ? "The preview did not come to its end." : `${words.join(", ")}.`;
}

/** Without the engine's colours, and without what would end the block it stands in. */
function plain(text = ""): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  return text.replace(/<\{%.*?%\}>|\u001b\[[0-9;]*m/g, "").replaceAll("```", "'''");
}

const [, , judgement] = process.argv;
const preview = JSON.parse(readFileSync(0, "utf8")) as Preview;
process.stdout.write(comment(preview, judgement === undefined ? undefined : readFileSync(judgement, "utf8")));
