/**
 * Services of type LoadBalancer with `loadBalancerClass: heye.io/ipvs`, served by HeYe's own directors: addresses from pools,
 * virtual servers by the directors' REST API. What is wanted follows from objects by functions of plain data (`plan.ts`,
 * `addresses.ts`, `virtual-servers.ts`, `director-steps.ts`).
 */
export { Balancer, type BalancerOptions } from "./balancer";
export { DirectorClient, type TlsFiles } from "./director-client";
export { balancedServiceObject } from "./objects";
export { type KeptService, keptServiceOf } from "./service";
