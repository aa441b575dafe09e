/** Directors with agents that share what is declared, on models of the kernel: all but IPVS and SSH is real. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Director } from "../../director";
import type { SharedEtcd } from "../../director/data";
import { AgentSite } from "../unit/agent-site";

export class Directors {
  private constructor(
    readonly sites: readonly AgentSite[],
    readonly etcd: SharedEtcd,
  ) {}

  /**
   * @param etcdOf what each is told, where that is not the same for all
   * @param setUp before the agents start
   */
  static async up(
    etcd: Omit<SharedEtcd, "prefix"> & { readonly prefix?: string },
    setUp: (site: AgentSite, index: number) => void = () => undefined,
    count = 3,
  ): Promise<Directors> {
    const shared = { prefix: `/heye/${randomUUID()}`, ...etcd };
    const sites: AgentSite[] = [];
    for (let index = 0; index < count; index++) {
      const site = new AgentSite();
      site.name = `d${index + 1}`;
      site.etcd = shared;
      setUp(site, index);
      await site.start();
      sites.push(site);
    }
    return new Directors(sites, shared);
  }

  /** As the provider has them: each process anew, knowing nothing. */
  get all(): Director[] {
    return this.sites.map((site) => site.director());
  }

  at(index: number): AgentSite {
    const site = this.sites[index];
    assert.ok(site, `there is no director ${index + 1}`);
    return site;
  }

  /** The lines of ours that each kernel holds. */
  get tables(): string[] {
    return this.sites.map(({ kernel }) => kernel.lines.join("\n"));
  }

  /** Waits until all hold the same revision, and the same table and registry. */
  async converge(sites: readonly AgentSite[] = this.sites): Promise<void> {
    const state = () =>
      sites.map(({ keeper, plane, kernel }) =>
        JSON.stringify([plane?.member.standing.revision, keeper.view.text, kernel.lines.join("\n")]),
      );
    await eventually(
      () => new Set(state()).size === 1,
      () => `they differ:\n${state().join("\n")}`,
    );
  }

  async down(): Promise<void> {
    for (const site of this.sites) await site.down();
  }
}

/** Waits until something is so, as long as etcd may take to elect a leader and agents to try again. */
export async function eventually(isSo: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 3_000) throw new Error(`not within 30 s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
