import * as z from "zod";
import { parseJson } from "../json";
import type { EtcdClient } from "./etcd-client";
import { behind, type Held } from "./etcd-transaction";
import type { Keys } from "./log-format";

/** A director that has not been heard of for so long is not alive to the others. */
const LEASE_S = 15;

const word = z.object({
  director: z.string(),
  /** Of one life of an agent: by it two directors of one name are told apart. */
  instance: z.string(),
  version: z.string(),
  /** What it has applied; 0: nothing. */
  revision: z.int().min(0),
  /** Of its registry and of its table as declared: the same on all directors that hold the same. */
  digests: z.object({ registry: z.string(), table: z.string() }),
  /** Real servers that are down, and virtual servers without their quorum. */
  down: z.int(),
  lost: z.int(),
  /** Why it cannot keep its table, follow what is shared or hold all of it. */
  troubles: z.array(z.string()),
});

/** What a director tells the others of itself. */
export type Word = z.output<typeof word>;

/**
 * A director's key with a lease: it stands there as long as the agent does, and for a quarter of a minute after. Written when
 * what it says has changed; renewed otherwise, which writes nothing to etcd's disks.
 */
export class Presence {
  #lease: string | undefined;
  #said: string | undefined;

  constructor(
    private readonly client: EtcdClient,
    private readonly keys: Keys,
  ) {}

  /**
   * Says something, and that the director is alive. Throws PlaneDownError.
   *
   * @param isLook look also what stands there
   * @returns whether another one speaks in its name
   */
  async say(spoken: Word, isLook: boolean): Promise<boolean> {
    const [key, value] = [this.keys.director(spoken.director), JSON.stringify(spoken)];
    const isAlive = this.#lease !== undefined && (await this.client.renew(this.#lease));
    const stands = isAlive && isLook ? await this.client.get(key) : undefined;
    const isOther = stands !== undefined && wordOf(stands)?.instance !== spoken.instance;
    // Two of one name do not write in turns.
    const isSaid = isLook && !isOther ? stands?.value.toString("utf8") === value : this.#said === value;
    if (isAlive && isSaid) return isOther;
    if (!isAlive) this.#lease = await this.client.lease(LEASE_S);
    await this.client.commit([], { puts: [{ key, value, lease: this.#lease ?? "0" }] });
    this.#said = value;
    return isOther;
  }

  /** What all directors that are alive say of themselves, by name. Throws PlaneDownError. */
  async hear(): Promise<Word[]> {
    const from = this.keys.directors;
    const held = await this.client.range(from, behind(from));
    return held.flatMap((one) => wordOf(one) ?? []);
  }

  /** Takes leave, so that nobody waits for it. */
  async leave(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.client.revoke(lease).catch(() => undefined);
  }
}

/** undefined: it is none of this version. */
function wordOf({ value }: Pick<Held, "value">): Word | undefined {
  return word.safeParse(parseJson(value.toString("utf8"))).data;
}
