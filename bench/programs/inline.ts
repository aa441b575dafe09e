import { VirtualServer } from "../../sdk";
import { servicesOf } from "../plan";
import { clusterOf, type PlanParameters, parameters } from "./parameters";

/** Each virtual server lists its whole pool. No checks: nobody answers behind these virtual servers. */
const given = parameters<PlanParameters>();
const cluster = clusterOf(given);
let weight = given.firstWeight ?? 1;
for (const { name, address, port, members } of servicesOf(given.plan)) {
  const realServers = members.map((member) => {
    const server = { address: member.address, port: member.port, weight };
    weight = 1;
    return server;
  });
  new VirtualServer(name, {
    cluster,
    address,
    port,
    scheduler: "wrr",
    healthCheck: { type: "none" },
    realServers,
  });
}
