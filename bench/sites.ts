import { BenchSite } from "./site";

/** Hands out directors, one site at a time: two labs on one machine would disturb each other. */
export class Sites {
  #site: BenchSite | undefined;

  /** @param shareLarger a site may be a part of a lab with more directors: saves time where nothing is timed */
  constructor(private readonly shareLarger: boolean) {}

  /**
   * A site of so many directors that hold nothing. The one that was handed out before must not be used any more.
   *
   * @param servers web servers behind them
   */
  async get(count: number, servers = 0): Promise<BenchSite> {
    const found = this.#site?.directors.length ?? 0;
    const served = this.#site?.servers.length ?? 0;
    const isEnough = this.shareLarger && found >= count && served >= servers;
    if (this.#site && ((found === count && served === servers) || isEnough)) {
      await this.#site.wipe();
      return this.#site.first(count);
    }
    await this.down();
    this.#site = await BenchSite.up(count, servers);
    return this.#site;
  }

  /** Takes the lab down. */
  async down(): Promise<void> {
    const site = this.#site;
    this.#site = undefined;
    await site?.down();
  }
}
