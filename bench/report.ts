import type { BenchRecord } from "./record";

const HEADING = ["", "unit", "ours", "peer", "ratio", "aim", "met", "against"] as const;

/** Records as a table for people; medians, and a ratio's aim where there is one. */
export function report(records: readonly BenchRecord[]): string {
  const rows = [HEADING, ...records.map(rowOf)];
  const widths = HEADING.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const rule = widths.map((width) => "-".repeat(width));
  const lines = [HEADING, rule, ...records.map(rowOf)].map((row) =>
    row.map((cell, column) => aligned(cell, column, widths[column] ?? 0)).join("  "),
  );
  return lines.map((line) => `  ${line.trimEnd()}`).join("\n");
}

/** Texts stand on the left, numbers on the right. */
function aligned(cell: string, column: number, width: number): string {
  const isText = column === 0 || column === HEADING.length - 1;
  return isText ? cell.padEnd(width) : cell.padStart(width);
}

function rowOf({ name, unit, ours, peer, ratio, aim, met, against }: BenchRecord): readonly string[] {
  const verdict = met === null ? "" : met ? "yes" : "NO";
  return [
    name,
    unit,
    figure(ours),
    figure(peer),
    figure(ratio),
    aim === null ? "" : `${aim}`,
    verdict,
    against,
  ];
}

/** Three significant digits, whole numbers whole, nothing for nothing. */
export function figure(value: number | null): string {
  if (value === null) return "-";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
