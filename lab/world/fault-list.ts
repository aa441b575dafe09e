/** The faults that are on: what `status` tells, and what is mended one by one. */
import type { Impairment, Network } from "../impairment";
import type { HangStage } from "./sshd";
import type { Service } from "./web";

/** A fault that is on. Its kind is the command that makes it. */
export type ActiveFault =
  | { readonly kind: "kill-director"; readonly node: string; readonly withdrawn: boolean }
  /** It is back, but was not announced. */
  | { readonly kind: "reboot-director"; readonly node: string }
  | { readonly kind: "kill-server"; readonly node: string }
  | { readonly kind: "stop-service"; readonly node: string; readonly service: Service | "mysql" | "sshd" }
  | { readonly kind: "set-health"; readonly node: string; readonly status: 503 }
  | { readonly kind: "hang-ssh"; readonly node: string; readonly stage: HangStage }
  | ({
      readonly kind: "impair-network";
      readonly node: string;
      readonly network: Network;
    } & Required<Impairment>);

/** A fault by what it acts on: a second one on the same thing replaces the first. */
function keyOf(fault: FaultPlace): string {
  return [fault.kind, fault.node, fault.service ?? fault.network ?? ""].join(" ");
}

/** What a fault acts on. */
export interface FaultPlace {
  readonly kind: ActiveFault["kind"];
  readonly node: string;
  readonly service?: string;
  readonly network?: string;
}

/** The faults that are on, in the order in which they were made. */
export class FaultList {
  readonly #active = new Map<string, ActiveFault>();

  /** All of them. */
  get all(): ActiveFault[] {
    return [...this.#active.values()];
  }

  /** Notes a fault; one that acts on the same is replaced. */
  add(fault: ActiveFault): void {
    this.#active.set(keyOf(fault), fault);
  }

  /** Notes that something is mended. Returns whether it was broken. */
  remove(place: FaultPlace): boolean {
    return this.#active.delete(keyOf(place));
  }

  /** Is this broken? */
  has(place: FaultPlace): boolean {
    return this.#active.has(keyOf(place));
  }

  /** The faults of one kind. */
  of<K extends ActiveFault["kind"]>(kind: K): Extract<ActiveFault, { readonly kind: K }>[] {
    return this.all.filter(
      (fault): fault is Extract<ActiveFault, { readonly kind: K }> => fault.kind === kind,
    );
  }
}
