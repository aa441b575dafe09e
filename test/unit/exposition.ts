/** Reads Prometheus' text format strictly, as far as agents write it. */
import assert from "node:assert/strict";

/** One series at one moment. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a scrape tells. */
export interface Scrape {
  /** Kind of each family, by its name. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** Fails the test at anything that is not as the format says, and at a series that is there twice. */
export function readScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  assert.ok(text.endsWith("\n"), "the last line has its end");
  for (const line of text.split("\n")) {
    const [, name = "", type = ""] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (name !== "") {
      assert.ok(!types.has(name), `${name} has its head twice`);
      types.set(name, type);
    } else if (line !== "" && !line.startsWith("# HELP ")) samples.push(sampleOf(line, types, seen));
  }
  return { types, samples };
}

function sampleOf(line: string, types: ReadonlyMap<string, string>, seen: Set<string>): Sample {
  const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
  assert.ok(name !== "" && isNumber(value), line);
  const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
  assert.ok(types.has(family), `${line}: its head comes first`);
  const key = `${name}{${labels}}`;
  assert.ok(!seen.has(key), `${key} twice`);
  seen.add(key);
  return { name, labels: labelsOf(labels), value: Number(value) };
}

/** As Go's ParseFloat reads it, which the format goes by: it takes NaN in any case. */
function isNumber(text: string): boolean {
  return /^(nan|[+-]?inf)$/i.test(text) || !Number.isNaN(Number(text));
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    assert.ok(match, `labels ${text}`);
    labels[match[1] ?? ""] = (match[2] ?? "").replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
  }
  return labels;
}

/** The value of one series; undefined: it is not there. */
export function sampleValue(scrape: Scrape, name: string, labels: Sample["labels"] = {}): number | undefined {
  return scrape.samples.find(
    (one) =>
      one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  )?.value;
}
