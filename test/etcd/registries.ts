/** Registries for tests of planes. */
import { renderRegistry } from "../../director/data";
import { virtualServer } from "../unit/agent-site";

/** Of one owner, with so many virtual servers of one real server each. */
export function registryOf(count: number, weight = 1): string {
  const services = Array.from({ length: count }, (_, index) => {
    const port = 8_000 + index;
    const member = { address: "10.0.0.1", port, weight, forwarding: "nat" } as const;
    return [`tcp 192.0.2.1:${port}`, virtualServer([member], { port, resource: `web-${index}` })] as const;
  });
  if (count === 0) return "";
  return renderRegistry({
    owners: { "me-1": { label: "shop/prod Cluster edge", virtualServers: Object.fromEntries(services) } },
  });
}
