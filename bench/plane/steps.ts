/** Changes through an agent's API, as the bench of the plane makes them: pure functions. */
import { realServerId, virtualServerId } from "../../agent/api/ids";
import type { SpreadStep } from "../guest/spread";
import type { PlannedService } from "../plan";

const COLLECTION = "/v1/virtual-servers";

/** A virtual server that is declared, and the first of its servers with it. */
export function created(service: PlannedService, healthCheck: object): SpreadStep {
  const { address, port, members } = service;
  const realServers = members.map((one) => ({ address: one.address, port: one.port }));
  const body = { address, port, scheduler: "wrr", healthCheck, realServers };
  return { request: { method: "POST", path: COLLECTION, body }, ...turned(service, 1) };
}

/** Another weight for its first server. */
export function weighted(service: PlannedService, weight: number): SpreadStep {
  const { address, port, members } = service;
  const [member] = members;
  if (!member) throw new RangeError("expected a virtual server with servers");
  const place = `${virtualServerId({ protocol: "tcp", address, port })}/real-servers/${realServerId(member)}`;
  const request = { method: "PUT", path: `${COLLECTION}/${place}/weight`, body: { weight } };
  return { request, ...turned(service, weight) };
}

/** What health makes of its first server. */
export function turned({ address, port, members }: PlannedService, weight: number): SpreadStep {
  const [member] = members;
  return { service: `${address}:${port}`, server: `${member?.address}:${member?.port}`, weight };
}
