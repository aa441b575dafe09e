import { parseTable, renderTable, type Service, serviceKey, type Table } from "../ipvs";

/**
 * A director's table next to the lines it was read from. Scripts sort the lines by their bytes before they compare or
 * send them: how ipvsadm sorts differs between versions, and says nothing about the kernel's order.
 */
export interface TableText {
  readonly table: Table;
  /** Sorted, without their ends. */
  readonly lines: readonly string[];
}

export const EMPTY_TABLE_TEXT: TableText = { table: [], lines: [] };

/** Services by their lines, and the reverse: all directors of a cluster hold the same ones, parsed once. */
const services = new Map<string, Service>();
const linesOf = new WeakMap<Service, readonly string[]>();
/**
 * Characters remembered at most: who runs for months sees a service with each combination of weights that it ever had. All
 * tables of a cluster are a small part of that.
 */
const REMEMBERED_MAX = 8 * 1024 * 1024;
let remembered = 0;

/**
 * Reads sorted lines of `ipvsadm --save -n`.
 *
 * @throws TableSyntaxError, whose line number means nothing here; its message quotes the line
 */
export function readTableText(lines: readonly string[]): TableText {
  const blocks = new Map<string, string[]>();
  for (const line of lines) {
    const selector = selectorOf(line);
    const block = blocks.get(selector);
    if (block) block.push(line);
    else blocks.set(selector, [line]);
  }
  const read = [...blocks.values()].flatMap(readService);
  return { table: read.map(({ service }) => service), lines: read.flatMap((one) => one.lines).sort(byBytes) };
}

/** The table with the services in `scope` replaced by `desired`, and the lines that ipvsadm will print of it. */
export function withServices(text: TableText, desired: Table, scope: ReadonlySet<string>): TableText {
  const wanted = new Map(desired.map((service) => [serviceKey(service), service]));
  const gone = new Set<string>();
  const table: Service[] = [];
  for (const service of text.table) {
    const key = serviceKey(service);
    if (!scope.has(key)) {
      table.push(service);
      continue;
    }
    for (const line of printed(service)) gone.add(line);
    const next = wanted.get(key);
    if (next) table.push(next);
    wanted.delete(key);
  }
  table.push(...wanted.values());
  const added = desired.flatMap(printed).sort(byBytes);
  return { table, lines: merge(text.lines, gone, added) };
}

/** `-A -t 192.0.2.1:80 -s rr` and `-a -t 192.0.2.1:80 -r ...` belong together. */
function selectorOf(line: string): string {
  const end = line.startsWith("-a") ? line.indexOf(" -r ") : line.indexOf(" -s ");
  return end < 0 ? line : line.slice(3, end);
}

function readService(lines: readonly string[]): { service: Service; lines: readonly string[] }[] {
  const text = lines.join("\n");
  const known = services.get(text);
  if (known) return [{ service: known, lines: printed(known) }];
  const parsed = parseTable(text);
  for (const service of parsed) {
    if (remembered > REMEMBERED_MAX) {
      services.clear();
      remembered = 0;
    }
    remembered += text.length;
    services.set(text, service);
    linesOf.set(service, lines);
  }
  return parsed.map((service) => ({ service, lines }));
}

function printed(service: Service): readonly string[] {
  const known = linesOf.get(service);
  if (known) return known;
  const lines = renderTable([service]).split("\n").slice(0, -1);
  linesOf.set(service, lines);
  return lines;
}

/** Sorted lines without those that go, and with those that come. */
function merge(lines: readonly string[], gone: ReadonlySet<string>, added: readonly string[]): string[] {
  const merged: string[] = [];
  let next = 0;
  for (const line of lines) {
    if (gone.has(line)) continue;
    for (let one = added[next]; one !== undefined && one < line; one = added[++next]) merged.push(one);
    merged.push(line);
  }
  return merged.concat(added.slice(next));
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
