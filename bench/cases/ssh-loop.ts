import type { DirectorEntry } from "../../lab";
import type { Bench, BenchOptions } from "../bench";
import { upOnce } from "../once";
import { type Plan, servicesOf } from "../plan";
import type { CommandsParameters } from "../programs/commands";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";

/** 100 RealServers. */
const FULL: Plan = { virtualServers: 10, servers: 10 };
const SMALL: Plan = { virtualServers: 2, servers: 2 };

/** What people do today: a `remote.Command` for each rule and director. */
export const sshLoop: Bench = {
  about:
    "pulumi up of 100 RealServers on 3 directors, against a resource with one ssh and ipvsadm for each rule",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const plan = quick ? SMALL : FULL;
    const site = await sites.get(3);
    const onClean = (who: string, program: "separate" | "commands", parameters: object) => async () => {
      await site.wipe();
      const { s } = await upOnce(program, parameters, true);
      await site.expectTables(plan.virtualServers, plan.virtualServers * plan.servers);
      say(`${who}: ${s.toFixed(1)} s`);
      return s;
    };
    const { directors } = site;
    const { ours, peer } = await interleaved<number, "ours" | "peer">(rounds, {
      ours: onClean("ours", "separate", { directors, plan }),
      peer: onClean("peer", "commands", commandsOf(directors, plan)),
    });
    const against = "one ssh and ipvsadm per rule and director";
    return [{ name: "ssh-loop/elapsed", unit: "s", against, ours, peer, aim: 0.1 }];
  },
};

function commandsOf(directors: readonly DirectorEntry[], plan: Plan): CommandsParameters {
  const services = servicesOf(plan).map(({ address, port, members }) => ({
    create: `ipvsadm -A -t ${address}:${port} -s wrr`,
    members: members.map(
      (member) => `ipvsadm -a -t ${address}:${port} -r ${member.address}:${member.port} -m -w 1`,
    ),
  }));
  return { directors, services };
}
