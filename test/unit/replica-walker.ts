/** A replica that walks (replica-walk.ts): its turns and its writes begin and end when that is a step. */
import pino from "pino";
import { Member } from "../../kubernetes/share";
import { LeaseApi, type LeaseStore } from "./lease-store";

/** How many writes a replica has on their way at most. */
const WRITES = 3;

/** A write that is on its way. */
interface Writing {
  readonly key: string;
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** It was on its way when the replica lost the right to write: the object's version alone decides whether it is made. */
  isLate: boolean;
}

/** A replica in the walk. */
export class ReplicaWalker {
  readonly api: LeaseApi;
  readonly member: Member;
  readonly ending = new AbortController();
  isTurning = false;
  /** The oldest first; no subject twice. */
  writing: readonly Writing[] = [];

  constructor(store: LeaseStore, identity: string, nowMs: () => number) {
    this.api = new LeaseApi(store);
    this.member = new Member({
      ...{ api: this.api, namespace: "heye-system", identity, nowMs },
      log: pino({ enabled: false }),
      written: () => Promise.all(this.writing.map(({ ended }) => ended)),
      onChange: () => undefined,
    });
  }

  turn(): void {
    if (this.isTurning) return;
    this.isTurning = true;
    void this.member
      .turn(this.ending.signal)
      .catch(() => undefined)
      .finally(() => {
        this.isTurning = false;
      });
  }

  beginWrite(key: string): void {
    if (this.writing.length === WRITES || this.writing.some((one) => one.key === key)) return;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.writing = [...this.writing, { key, ended, end, isLate: false }];
  }

  /** The oldest ones end. */
  endWrites(count = WRITES): void {
    for (const { end } of this.writing.slice(0, count)) end();
    this.writing = this.writing.slice(count);
  }
}
