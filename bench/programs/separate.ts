import { RealServer, VirtualServer } from "../../sdk";
import { servicesOf } from "../plan";
import { clusterOf, type PlanParameters, parameters } from "./parameters";

/** Every real server is a resource of its own. No checks: nobody answers behind these virtual servers. */
const given = parameters<PlanParameters>();
const cluster = clusterOf(given);
let weight = given.firstWeight ?? 1;
for (const { name, address, port, members } of servicesOf(given.plan)) {
  const virtualServer = new VirtualServer(name, {
    cluster,
    address,
    port,
    scheduler: "wrr",
    healthCheck: { type: "none" },
  });
  for (const member of members) {
    new RealServer(member.name, { virtualServer, address: member.address, port: member.port, weight });
    weight = 1;
  }
}
