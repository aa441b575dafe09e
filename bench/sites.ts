import { BenchSite } from "./site";

/** Hands out directors, one site at a time: two labs on one machine would disturb each other. */
export class Sites {
  #site: BenchSite | undefined;

  /** @param shareLarger a site may be a part of a lab with more directors: saves time where nothing is timed */
  constructor(private readonly shareLarger: boolean) {}

  /** A site of so many directors that hold nothing. The one that was handed out before must not be used any more. */
  async get(count: number): Promise<BenchSite> {
    const found = this.#site?.directors.length ?? 0;
    if (this.#site && (found === count || (this.shareLarger && found > count))) {
      await this.#site.wipe();
      return this.#site.first(count);
    }
    await this.down();
    this.#site = await BenchSite.up(count);
    return this.#site;
  }

  /** Takes the lab down. */
  async down(): Promise<void> {
    const site = this.#site;
    this.#site = undefined;
    await site?.down();
  }
}
