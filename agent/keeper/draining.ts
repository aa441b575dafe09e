import { registryDelta, registryLines } from "../../director/data";
import type { Kernel } from "../kernel";
import { drained, having } from "../leaving";
import type { Log } from "../log";
import type { Pools } from "../pools";
import { registrations } from "../probes";
import { readRegistry } from "../registry-file";
import type { HealthRecorder } from "./health-recorder";
import { NotDurableError } from "./not-durable-error";
import type { WriteAhead } from "./write-ahead";

/** What drains are begun and ended with. */
export interface DrainingParts {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly pools: Pools;
  readonly changes: WriteAhead;
  readonly recorder: Pick<HealthRecorder, "save">;
  /** What is declared is agreed on with other directors: it is not for this one to end what a change has begun. */
  readonly isShared?: boolean;
}

/** Begins and ends the drains of operators, and ends those of changes whose makers do not. Whoever calls has the turn. */
export class Draining {
  constructor(private readonly parts: DrainingParts) {}

  /**
   * Writes down that an operator wants servers drained, or no more. The kernel follows at the next look.
   *
   * @param service key of a virtual server; undefined: all that have the server
   * @returns the virtual servers that it concerns
   * @throws NotDurableError: a restart would forget it, so it is not done
   */
  async ask(server: string, service: string | undefined, wanted: "start" | "end"): Promise<string[]> {
    const { recorder, pools } = this.parts;
    const { drains } = pools;
    const concerned = having(pools.registry, server, service);
    const services = concerned.map((one) => one.service);
    const opposite = wanted === "start" ? "end" : "start";
    const changing = concerned.filter(
      (one) => drains.isAsked(one.service, one.server) !== (wanted === "start"),
    );
    drains[wanted](changing);
    await recorder.save().catch((error: Error) => {
      drains[opposite](changing);
      throw new NotDurableError(error);
    });
    return services;
  }

  /** What ends the drains that whoever began them has not ended, as a change of the registry; empty: there are none. */
  overdue(): readonly string[] {
    const { pools } = this.parts;
    const over = pools.drains.due(registrations(pools.registry));
    if (over.length === 0) return [];
    const after = readRegistry(drained(pools.registry, over));
    return registryDelta(registryLines(pools.registry), registryLines(after));
  }

  /** Ends the drains of changes that nobody waits for, or whose maker has not ended them: he was killed. */
  async endOverdue(): Promise<void> {
    if (this.parts.isShared) return;
    const { kernel, pools, changes, log } = this.parts;
    const [{ drains }, declared] = [pools, registrations(pools.registry)];
    const counts = drains.isAnyLeaving(declared) ? await kernel.connections() : undefined;
    const over = drains.due(declared, counts);
    if (over.length === 0) return;
    const scope = [...new Set(over.map(({ service }) => service))];
    const servers = over.map(({ server }) => server);
    await changes.make({ after: drained(pools.registry, over), scope }, await kernel.read());
    log.info({ event: "drained", servers }, "drains are over");
  }
}
