import {
  type Answer,
  type Body,
  dumpRequest,
  ERRNO,
  editRequest,
  encodeRequest,
  familyRequest,
  IPVS,
  NetlinkSyntaxError,
  readAnswers,
  readFamily,
} from "../../ipvs/netlink";
import type { Channel } from "./socket";
import { SystemError } from "./system-error";

/** What became of edits. */
export interface Outcome {
  /** errno of those that the kernel did not take, by their places. */
  readonly refused: ReadonlyMap<number, number>;
  /** Some answers are lost: of edits that are not among the refused ones it is not known whether they were taken. */
  readonly isPartial: boolean;
}

/**
 * Requests to IPVS and their answers, on a channel of their own: whatever goes wrong with one conversation, the next
 * begins anew.
 */
export class Conversation {
  readonly #family: number;
  #sequence = 0;

  /**
   * Begins with asking for the family. A conversation that cannot begin closes its channel.
   *
   * @throws SystemError: ENOENT where the kernel has no IPVS; NetlinkSyntaxError
   */
  constructor(private readonly channel: Channel) {
    try {
      this.#family = this.#ask();
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /**
   * All that a request is answered with, datagram by datagram: whoever reads a large table may do something else in between.
   *
   * @param read its answers: a view, to be read at once
   * @throws SystemError, NetlinkSyntaxError
   */
  dump<T>(body: Body, read: (attributes: Buffer) => T): Iterable<readonly T[]> {
    const sequence = ++this.#sequence;
    this.channel.send(encodeRequest(dumpRequest(body, this.#family, sequence)));
    return this.#until(sequence, read);
  }

  /**
   * Has edits made, in their order, by one call. One that fails does not keep the others from being made. Failures are
   * answered, and the last one in any case: by then all are done.
   *
   * @param bodies not more than fit into one datagram
   * @throws SystemError, NetlinkSyntaxError
   */
  edit(bodies: readonly Body[]): Outcome {
    const first = this.#sequence + 1;
    const last = this.#sequence + bodies.length;
    this.#sequence = last;
    const requests = bodies.map((body, index) =>
      encodeRequest(editRequest(body, this.#family, first + index, first + index === last)),
    );
    this.channel.send(Buffer.concat(requests));
    const refused = new Map<number, number>();
    let isPartial = false;
    for (;;) {
      const answers = this.#receive();
      if (answers === "lost") isPartial = true;
      else if (answers === undefined) return { refused, isPartial: true };
      else
        for (const answer of answers) {
          if (answer.kind !== "end" || answer.sequence < first || answer.sequence > last) continue;
          if (answer.errno !== 0) refused.set(answer.sequence - first, answer.errno);
          if (answer.sequence === last) return { refused, isPartial };
        }
    }
  }

  close(): void {
    this.channel.close();
  }

  #ask(): number {
    const sequence = ++this.#sequence;
    this.channel.send(encodeRequest(familyRequest(IPVS.name, sequence)));
    const [family] = [...this.#until(sequence, readFamily)].flat();
    if (family === undefined) throw new NetlinkSyntaxError("a family", "none");
    return family;
  }

  *#until<T>(sequence: number, read: (attributes: Buffer) => T): Generator<readonly T[]> {
    for (;;) {
      const answers = this.#receive();
      if (answers === "lost") throw new SystemError("recv", ERRNO.ENOBUFS);
      if (answers === undefined) throw new NetlinkSyntaxError("the end of an answer", "nothing more");
      const ours = answers.filter((answer) => answer.sequence === sequence);
      const failed = ours.find((answer) => answer.kind === "end" && answer.errno !== 0);
      if (failed?.kind === "end") throw new SystemError("IPVS", failed.errno);
      yield ours.flatMap((answer) => (answer.kind === "data" ? [read(answer.attributes)] : []));
      if (ours.some(({ kind }) => kind === "end")) return;
    }
  }

  #receive(): readonly Answer[] | "lost" | undefined {
    try {
      const datagram = this.channel.receive();
      return datagram && readAnswers(datagram);
    } catch (error) {
      if (error instanceof SystemError && error.errno === ERRNO.ENOBUFS) return "lost";
      throw error;
    }
  }
}
