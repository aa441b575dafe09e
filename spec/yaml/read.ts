import { isRecord } from "../record";
import { placed, readDocuments, type YamlDocument, type YamlProblem } from "./documents";
import { API_VERSION, type Declared, type Reading, readOwnForm } from "./own-form";
import { readSecondForm } from "./second-form";

/**
 * Reads what a file declares for directors: documents of our own form and of HeYe's second version, in any order. Names are
 * unique for each kind, and a RealServer's VirtualServer is in the file and has no `realServers`.
 *
 * @param secrets names that `!secret` may name
 * @returns declared: what can be trusted if there are no problems
 */
export function readConfig(
  text: string,
  secrets: readonly string[] = [],
): { declared: Declared[]; problems: YamlProblem[] } {
  const { documents, problems } = readDocuments(text);
  if (documents.length === 0 && problems.length === 0)
    problems.push({ line: 1, reason: "expected at least one document, found none" });
  const read = documents.map((document) => ({ document, ...readDocument(document) }));
  const found = read.flatMap(({ document, problems: own }) => [
    ...placed(document, own),
    ...secretProblems(document, secrets),
  ]);
  const known = read.flatMap(({ document, value }) => (value ? [{ document, value }] : []));
  const all = [...problems, ...found, ...nameProblems(known), ...poolProblems(known)];
  return { declared: known.map(({ value }) => value), problems: all.sort((a, b) => a.line - b.line) };
}

function readDocument({ value }: YamlDocument): Reading<Declared> {
  if (!isRecord(value)) return refused("expected a mapping");
  if (value.apiVersion === API_VERSION) return readOwnForm(value);
  if ("virtual_server" in value || "real_server" in value) return readSecondForm(value);
  if (value.kind === "Service" || value.kind === "Endpoints")
    return refused(
      `expected a document for directors, found ${value.kind} of Kubernetes: read it with ConfigFile of pulumi-heye/kubernetes`,
    );
  const version = value.apiVersion;
  const found =
    typeof version === "string" ? `apiVersion ${JSON.stringify(version.slice(0, 40))}` : "neither";
  return refused(
    `expected apiVersion ${API_VERSION}, or virtual_server and real_server as HeYe's second version has them, found ${found}`,
  );
}

function refused(reason: string): Reading<Declared> {
  return { value: undefined, problems: [{ path: [], reason }] };
}

function secretProblems(document: YamlDocument, known: readonly string[]): YamlProblem[] {
  const list = known.length === 0 ? "none" : known.join(", ");
  return placed(
    document,
    document.secrets
      .filter(({ name }) => !known.includes(name))
      .map(({ path, name }) => ({
        path,
        reason: `expected a name among those of secrets (${list}), found ${JSON.stringify(name)}`,
      })),
  );
}

interface Known {
  readonly document: YamlDocument;
  readonly value: Declared;
}

function nameProblems(known: readonly Known[]): YamlProblem[] {
  const first = new Map<string, number>();
  return known.flatMap(({ document, value: { kind, name } }) => {
    const key = `${kind} ${name}`;
    const line = document.lineOf([]);
    const before = first.get(key);
    first.set(key, before ?? line);
    return before === undefined
      ? []
      : [{ line, reason: `expected each name once, but ${key} is in line ${before} too` }];
  });
}

function poolProblems(known: readonly Known[]): YamlProblem[] {
  const servers = known.flatMap(({ value }) => (value.kind === "VirtualServer" ? [value] : []));
  return known.flatMap(({ document, value }) => {
    if (value.kind !== "RealServer") return [];
    const server = servers.find(({ name }) => name === value.virtualServer);
    const line = document.lineOf(["spec", "virtualServer"]);
    if (!server)
      return [
        {
          line,
          reason: `spec.virtualServer: expected a VirtualServer of this file, found ${JSON.stringify(value.virtualServer)}`,
        },
      ];
    if (server.args.realServers === undefined) return [];
    return [
      {
        line,
        reason: `spec.virtualServer: expected one without realServers, but ${server.name} has its pool in itself`,
      },
    ];
  });
}
