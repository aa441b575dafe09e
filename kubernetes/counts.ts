/** What a controller has done since its start. */
export class Counts {
  /** Writes of Endpoints, EndpointSlices and Services that succeeded. */
  writes = 0;
  /** Addresses that were taken out, and put in, by these. */
  down = 0;
  up = 0;
  /** Watches and lists that broke off. */
  troubles = 0;
  /** Objects that could not be read. */
  unreadable = 0;
  /** Writes that were refused, by HTTP status; 0: there was no answer. */
  readonly refusals = new Map<number, number>();

  written(down: number, up: number): void {
    this.writes++;
    this.down += down;
    this.up += up;
  }

  refused(status: number): void {
    this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1);
  }
}
