/** Something that is to be done at a time. */
export interface Planned {
  /** When, by the caller's clock. Set by {@link Agenda.plan}. */
  at: number;
  /** Where the agenda keeps it; -1: nowhere. */
  place: number;
}

/** What is to be done, the earliest first: a binary heap in which everything stands once, and can be moved. */
export class Agenda<T extends Planned> {
  readonly #items: T[] = [];

  /** What comes next. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Plans something, or plans it anew. */
  plan(item: T, at: number): void {
    item.at = at;
    if (item.place < 0) item.place = this.#items.push(item) - 1;
    this.#settle(item);
  }

  /** Takes something out; nothing happens if it is not there. */
  drop(item: T): void {
    const last = item.place < 0 ? undefined : this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#put(last, item.place);
      this.#settle(last);
    }
    item.place = -1;
  }

  /** Moves an item to where its time belongs, up or down. */
  #settle(item: T): void {
    let place = item.place;
    for (let up = (place - 1) >> 1; place > 0 && this.#at(up) > item.at; up = (place - 1) >> 1) {
      this.#move(up, place);
      place = up;
    }
    for (let down = this.#earlierChild(place); this.#at(down) < item.at; down = this.#earlierChild(place)) {
      this.#move(down, place);
      place = down;
    }
    this.#put(item, place);
  }

  #earlierChild(place: number): number {
    const left = 2 * place + 1;
    return this.#at(left + 1) < this.#at(left) ? left + 1 : left;
  }

  #at(place: number): number {
    return this.#items[place]?.at ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    const item = this.#items[from];
    if (item !== undefined) this.#put(item, to);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
