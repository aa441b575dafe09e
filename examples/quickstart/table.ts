/** Rows of text as columns: the first one left, the others right; the first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? "").length)),
  );
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
      )
      .join("   ");
  const [heading = [], ...body] = rows;
  const rule = widths.map((width) => "-".repeat(width)).join("   ");
  return [line(heading), rule, ...body.map(line)].map((text) => `  ${text.trimEnd()}`).join("\n");
}
