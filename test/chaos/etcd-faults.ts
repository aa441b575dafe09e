/** What goes wrong with an etcd that directors share, and with their ways to it. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { LabEtcd } from "../lab/lab-etcd";
import { ApiWriters } from "./api-writers";
import type { ChaosCluster } from "./cluster";
import type { EtcdFault, Step } from "./schedule";
import { harmless, KILL, type Struck } from "./struck";

/** How long a director is away: its key in etcd has a lease of 15 s, so by then the others take it for dead. */
const AWAY_MS = 17_000;

/**
 * Of each member's way to directors and to the other members, whose links are as bad: a round trip between two members takes four
 * times the delay. No server of a pool is on these links.
 */
const SLOW = { network: "back", delayMs: 60, jitterMs: 30, lossPercent: 2 } as const;

/** Whom a step concerns. */
interface Parties {
  readonly chaos: ChaosCluster;
  readonly etcd: LabEtcd;
  /** The director and the member that it strikes. */
  readonly director: string;
  readonly member: string;
  /** All the others. */
  readonly directors: readonly string[];
  readonly members: readonly string[];
  /** An hour, forward or back, in ms. */
  readonly clockMs: number;
}

/** Lets a fault strike. Where something is declared meanwhile, through the API, nothing that was accepted may be lost. */
export async function strikeEtcd(chaos: ChaosCluster, fault: EtcdFault, step: Step): Promise<Struck> {
  assert.ok(chaos.etcd, "there is no etcd in this lab");
  return FAULTS[fault](partiesOf(chaos, chaos.etcd, step));
}

function partiesOf(chaos: ChaosCluster, etcd: LabEtcd, step: Step): Parties {
  const director = `d${step.director + 1}`;
  const member = etcd.names[step.server] ?? "";
  const others = (all: readonly string[], one: string) => all.filter((name) => name !== one);
  return {
    ...{ chaos, etcd, director, member },
    directors: others(chaos.site.directorNames, director),
    members: others(etcd.names, member),
    clockMs: step.server % 2 === 0 ? 3_600_000 : -3_600_000,
  };
}

const FAULTS: Readonly<Record<EtcdFault, (parties: Parties) => Promise<Struck>>> = {
  "etcd lost": async ({ chaos, etcd, members }) => {
    const before = await chaos.site.tables();
    for (const name of members) await etcd.kill(name);
    return {
      ...harmless(Promise.resolve()),
      mend: () => etcd.mendAll(),
      // Nothing can have been agreed on, so nothing may be otherwise than it was.
      expectMeanwhile: async () => assert.deepEqual(await chaos.site.tables(), before),
    };
  },
  "etcd member stopped": async ({ chaos, etcd, member, director }) => {
    await etcd.pause(member);
    return { ...written(chaos, [director]), mend: () => etcd.mendAll() };
  },
  "etcd member cut off": async ({ chaos, member, director }) => {
    await chaos.site.lab.fault.killServer(member);
    return { ...written(chaos, [director]), mend: () => chaos.site.lab.fault.restoreServer(member) };
  },
  "etcd network slow": async ({ chaos, etcd, director }) => {
    const { fault } = chaos.site.lab;
    for (const name of etcd.names) await fault.impairNetwork(name, SLOW);
    const mend = async () => {
      for (const name of etcd.names) await fault.restoreNetwork(name, SLOW.network);
    };
    return { ...written(chaos, [director]), mend };
  },
  "etcd member replaced": async ({ chaos, etcd, member, director }) =>
    written(chaos, [director], () => etcd.replace(member)),
  "etcd compacted": async ({ chaos, etcd, director, directors }) => {
    await etcd.cut([director], etcd.names);
    const struck = written(chaos, directors.slice(0, 1));
    return { ...struck, done: struck.done.then(() => etcd.compact()), mend: () => etcd.mendAll() };
  },
  "split in halves": async ({ chaos, etcd, director, directors, member, members }) => {
    await etcd.cut([director, member], members);
    await etcd.cut([...directors, ...members], [member]);
    return { ...written(chaos, [director, ...directors.slice(0, 1)]), mend: () => etcd.mendAll() };
  },
  "old table": async ({ chaos, etcd, director, directors }) => {
    const { fault } = chaos.site.lab;
    await fault.killDirector(director);
    const isAway = delay(AWAY_MS);
    const struck = written(chaos, directors);
    const back = struck.done
      .then(() => etcd.compact())
      .then(() => isAway)
      .finally(() => fault.restoreDirector(director));
    return { ...struck, ...harmless(back) };
  },
  "clocks apart": async ({ chaos, director, clockMs }) => {
    await chaos.site.on(director, "sh", "-c", `${MOVE_CLOCK}\n${KILL}`, "sh", CLOCK, `${clockMs}`);
    const mend = async () => {
      await chaos.site.on(director, "sh", "-c", `${RIGHT_CLOCK}\n${KILL}`);
    };
    return { ...written(chaos, chaos.site.directorNames), mend };
  },
  "API writers": async ({ chaos, director, directors }) =>
    written(chaos, [director, ...directors.slice(0, 1)], undefined, true),
};

/** Something is declared through the API of some directors, while something else is done. */
function written(
  chaos: ChaosCluster,
  directors: readonly string[],
  meanwhile: () => Promise<void> = async () => undefined,
  isOne = false,
): Struck {
  const writers = new ApiWriters(chaos, directors, isOne);
  return {
    ...harmless(Promise.all([writers.write(), meanwhile()])),
    expectAfterwards: async () => {
      assert.ok(writers.accepted > 0, "no change through the API was accepted");
      await writers.expectKept();
    },
  };
}

/** All directors of a guest have one clock, so it is the agent alone that goes by another one: a module that its Node loads first. */
const CLOCK = `
const Real = Date;
const by = Number(process.env.HEYE_CHAOS_CLOCK_MS);
globalThis.Date = class extends Real {
  constructor(...parts) {
    super(...(parts.length === 0 ? [Real.now() + by] : parts));
  }
  static now() {
    return Real.now() + by;
  }
};
`;
const COMMAND = "/var/lib/heye/agent/heye-agent";
const MOVE_CLOCK = `
printf %s "$1" >/tmp/heye-chaos-clock.js
sed -i "s|^exec |HEYE_CHAOS_CLOCK_MS=$2 NODE_OPTIONS='--require /tmp/heye-chaos-clock.js' exec |" ${COMMAND}`;
const RIGHT_CLOCK = `sed -i "s|^HEYE_CHAOS.* exec |exec |" ${COMMAND}`;
