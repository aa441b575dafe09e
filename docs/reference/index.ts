/**
 * The reference for users as one page of Markdown, made of what the code itself says: comments of the SDK's types, the
 * schemas of the specification (types, ranges, defaults), and the handlers (what a change of an argument does).
 */
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { Declarations, type Member } from "./declarations";
import { OTHERS, type OtherCheck, otherChecks } from "./other-checks";
import { type Row, rowsOf, splitDefault } from "./rows";
import {
  CHAPTERS,
  CHECKS,
  type Chapter,
  COMPONENTS,
  type ComponentChapter,
  KUBERNETES,
  type Section,
} from "./sections";

/** Where the page lies in the project. */
export const REFERENCE_FILE = join("docs", "reference.md");

/** The types of the SDK that the page shows. */
export function documentedTypes(): string[] {
  const chapters = [...CHAPTERS, ...COMPONENTS, ...KUBERNETES];
  return [...chapters.flatMap(({ sections }) => sections), ...CHECKS].map(({ type }) => type);
}

/** The whole page. Throws where a comment contradicts the specification. */
export function referencePage(): string {
  const declarations = new Declarations(join(PROJECT_ROOT, "sdk"));
  const headed = new Set(documentedTypes());
  const show = (section: Section) => sectionText(section, declarations, headed);
  const chapters = CHAPTERS.flatMap(({ kind, sections }) => [
    ...chapterText(kind, declarations),
    ...sections.map(show),
  ]);
  const others = otherChecks().map(otherText);
  const checks = CHECKS.flatMap((section) => [
    ...(section.type === "NoCheckArgs" ? others : []),
    show(section),
  ]);
  const components = [
    ...componentTexts(COMPONENTS, declarations, headed),
    ...componentTexts(KUBERNETES, new Declarations(join(PROJECT_ROOT, "sdk", "kubernetes")), headed),
  ];
  return `${[HEAD, ...chapters, "## Health checks", ...checks, ...components].join("\n\n")}\n`;
}

function componentTexts(
  chapters: readonly ComponentChapter[],
  declarations: Declarations,
  headed: ReadonlySet<string>,
): string[] {
  return chapters.flatMap(({ type, title, sections }) => {
    const { text, examples } = declarations.get(type);
    return [
      `## ${title}`,
      text,
      ...examples.map(fenced),
      `### Outputs of ${title}`,
      table(["output", "type", "meaning"], outputRows(type, declarations)),
      ...sections.map((section) => sectionText(section, declarations, headed)),
    ];
  });
}

const HEAD = `# Reference

Every argument and every output. Made from the sources by \`npm run docs\`: edit the comments in \`sdk/\` and the schemas in
\`spec/\`, not this page.

- [Cluster](#cluster): directors that serve the same virtual servers
- [VirtualServer](#virtualserver): what they spread over real servers
- [RealServer](#realserver): one server of a pool
- [Health checks](#health-checks): what proves that a server works
- [ConfigFile](#configfile): virtual servers from a YAML file

From \`pulumi-heye/kubernetes\`:

- [HealthCheckedService](#healthcheckedservice): a Service of servers outside the cluster
- [HeyeController](#heyecontroller): what checks them
- [LoadBalancerPool](#loadbalancerpool): addresses that Services may get
- [ConfigFile for Kubernetes](#configfile-for-kubernetes): Services and Endpoints from a YAML file

"required" and "none" stand where there is no default. Unless a row says otherwise, a change is made in place. All numbers
are checked at preview, with the path of the property.`;

function chapterText(kind: Chapter["kind"], declarations: Declarations): string[] {
  const { text, examples } = declarations.get(kind);
  const outputs = outputRows(kind, declarations);
  return [
    `## ${kind}`,
    text,
    ...examples.map(fenced),
    `### Outputs of ${kind}`,
    table(["output", "type", "meaning"], outputs),
    ...(kind === "Cluster" ? [nodeText(declarations)] : []),
  ];
}

function outputRows(type: string, declarations: Declarations): string[][] {
  return declarations.members(type).map((one) => [code(one.name), typeOf(one), meaningOf(one)]);
}

function nodeText(declarations: Declarations): string {
  const rows = outputRows("NodeOutput", declarations);
  return `Each of \`nodes\` is a \`NodeOutput\`:\n\n${table(["output", "type", "meaning"], rows)}`;
}

function typeOf({ type }: Member): string {
  return `\`${type.replaceAll("|", "\\|")}\``;
}

function meaningOf({ text }: Member): string {
  return text === "" ? "As declared, with its default." : splitDefault(text).text;
}

function sectionText(section: Section, declarations: Declarations, headed: ReadonlySet<string>): string {
  const { text, examples, variants } = declarations.get(section.type);
  const rows = rowsOf(section, declarations, headed);
  const choice = variants.flatMap((type) => (type === OTHERS ? otherChecks().map(linkOf) : [link(type)]));
  return [
    `${"#".repeat(section.level)} ${section.type}`,
    `${text} ${variants.length === 0 ? (section.note ?? "") : `One of ${choice.join(", ")}.`}`.trim(),
    ...(rows.length === 0 || variants.length > 0 ? [] : [argumentTable(rows)]),
    ...examples.map(fenced),
  ].join("\n\n");
}

function otherText({ title, text, rows, examples }: OtherCheck): string {
  return [`### ${code(title)}`, text, argumentTable(rows), ...examples.map(fenced)].join("\n\n");
}

function argumentTable(rows: readonly Row[]): string {
  const cells = rows.map(({ name, type, fallback, meaning }) => [code(name), type, fallback, meaning]);
  return table(["argument", "type", "default", "meaning"], cells);
}

/** A heading is reached by its letters alone. */
function linkOf({ title }: OtherCheck): string {
  return `[${code(title)}](#${title.toLowerCase().replace(/\W/g, "")})`;
}

function fenced(example: string): string {
  return `\`\`\`ts\n${example}\n\`\`\``;
}

function link(type: string): string {
  return `[${type}](#${type.toLowerCase()})`;
}

function code(name: string): string {
  return `\`${name}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
