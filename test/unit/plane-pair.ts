import { join } from "node:path";
import { KeeperDeclarations } from "../../agent/api/declarations";
import type { Declaring } from "../../agent/declaring";
import { noLog } from "../../agent/log";
import { Member } from "../../agent/plane/member";
import { type Plane, PlaneDownError } from "../../agent/plane/plane";
import { AppliedRecord } from "../../agent/plane/record";
import type { Store } from "../../agent/store";
import type { Registry, Member as Server } from "../../director";
import { parseRegistry } from "../../director/data";
import { AgentSite, virtualServer } from "./agent-site";
import { LocalPlane } from "./local-plane";

/** The virtual server that the directors of a {@link Pair} have. */
export const KEY = "tcp 192.0.2.1:80";

/** A real server of it. */
export const server = (host: number, settings: Partial<Server> = {}): Server => ({
  ...{ address: `10.0.0.${host}`, port: 80, weight: 1, forwarding: "nat" as const },
  ...settings,
});

/** A registry that has it alone; its servers are not checked. */
export function registryWith(members: readonly Server[], pool: "inline" | "separate" = "inline"): Registry {
  const registration = virtualServer(members, { pool, healthCheck: { type: "none" } });
  return { owners: { "me-1": { label: "edge", virtualServers: { [KEY]: registration } } } };
}

/** One of two directors that share a plane. */
export class Half {
  readonly member: Member;
  readonly declarations: KeeperDeclarations;
  /** No way to what is shared. */
  isCutOff = false;
  /** What others do between its reading what is shared and its proposing something. */
  meanwhile: (() => Promise<unknown>) | undefined;

  constructor(
    readonly site: AgentSite,
    plane: Plane,
  ) {
    const { keeper, folder, name } = site;
    const record = new AppliedRecord(join(folder, "plane.json"), "/p");
    this.member = new Member({ plane: this.#way(plane), keeper, record, log: noLog() });
    const { member } = this;
    const declaring: Declaring = {
      get view() {
        return keeper.view;
      },
      async state(known) {
        await member.refresh();
        return keeper.state(known);
      },
      async newest(known) {
        await member.confirm();
        return keeper.state(known);
      },
      change: (order, isExact) => member.change(order, isExact),
    };
    this.declarations = new KeeperDeclarations(declaring, name);
  }

  /** Declares something else, as a client of this director would. */
  async declare(after: Registry, before?: Awaited<ReturnType<KeeperDeclarations["read"]>>) {
    return this.declarations.declare(before ?? (await this.declarations.read()), after, new Set([KEY]));
  }

  /** Puts a real server into its kernel that nobody has registered. */
  intrude(host: number): void {
    const { kernel } = this.site;
    kernel.set([...kernel.lines, `-a -t 192.0.2.1:80 -r 10.0.0.${host}:80 -m -w 1`, ""].join("\n"));
  }

  #way(plane: Plane): Plane {
    const open = () => {
      if (this.isCutOff) throw new PlaneDownError([], "cut off");
      return plane;
    };
    return {
      endpoints: [],
      newest: async (known) => open().newest(known),
      propose: async (base, proposal) => {
        const { meanwhile } = this;
        this.meanwhile = undefined;
        await meanwhile?.();
        return open().propose(base, proposal);
      },
      replace: async (...words) => open().replace(...words),
      watch: (onHint) => plane.watch(onHint),
      close: () => undefined,
    };
  }
}

/** Two directors that share a plane, for one test. */
export class Pair {
  private constructor(
    readonly plane: LocalPlane,
    readonly one: Half,
    readonly other: Half,
  ) {}

  /** @param store what stands between the first and its files */
  static async up(store?: (store: Store) => Store): Promise<Pair> {
    const plane = new LocalPlane();
    const sites = [await AgentSite.up(undefined, { ...(store && { store }) }), await AgentSite.up()] as const;
    return new Pair(plane, new Half(sites[0], plane), new Half(sites[1], plane));
  }

  /** Real servers that are agreed on, with their weights. */
  async agreed(): Promise<string[]> {
    const newest = await this.plane.newest();
    const { owners } = parseRegistry(newest?.shared.text ?? "") ?? { owners: {} };
    const members = Object.values(owners).flatMap((one) => one.virtualServers[KEY]?.members ?? []);
    return members.map(({ address, weight }) => `${address} ${weight}`);
  }

  async down(): Promise<void> {
    await this.one.site.down();
    await this.other.site.down();
  }
}
