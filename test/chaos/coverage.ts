/** How often each thing met each other thing, as a table. */
export class Coverage {
  readonly #counts = new Map<string, number>();
  readonly #missed = new Map<string, number>();

  constructor(
    private readonly columns: readonly string[],
    private readonly rows: readonly string[],
  ) {}

  count(column: string, row: string): void {
    const pair = `${column}\n${row}`;
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + 1);
  }

  /** One was to meet the other, and could not be made. */
  miss(row: string): void {
    this.#missed.set(row, (this.#missed.get(row) ?? 0) + 1);
  }

  get text(): string {
    const first = Math.max(...this.rows.map((row) => row.length));
    const line = (row: string, cells: readonly string[]) =>
      [
        row.padEnd(first),
        ...cells.map((cell, index) => cell.padStart((this.columns[index] ?? "").length)),
      ].join("  ");
    const body = this.rows.map((row) =>
      line(
        row,
        this.columns.map((column) => String(this.#counts.get(`${column}\n${row}`) ?? 0)),
      ),
    );
    const missed = [...this.#missed].map(
      ([row, times]) => `not counted, it could not be made: ${row}, ${times} times`,
    );
    return [line("", this.columns), ...body, ...missed].join("\n");
  }
}
