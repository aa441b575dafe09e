/** Something that is dear to read, read once for all who ask at about the same time. */
export class Shared<T> {
  #reading: Promise<T> | undefined;
  #last: { readonly value: T; readonly atMs: number } | undefined;

  /** @param freshMs how old what is told may be */
  constructor(
    private readonly read: () => Promise<T>,
    private readonly freshMs: number,
  ) {}

  /** Rejects as the reading does. */
  get(): Promise<T> {
    if (this.#last && performance.now() - this.#last.atMs < this.freshMs)
      return Promise.resolve(this.#last.value);
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNow(): Promise<T> {
    const atMs = performance.now();
    const value = await this.read();
    this.#last = { value, atMs };
    return value;
  }
}
