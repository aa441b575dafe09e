import type { ServiceStatus } from "../../status";
import type { Agent } from "./agent";
import { arrange, element, input, say } from "./dom";
import { Pool } from "./pool";
import { inOrder, isWrong } from "./words";

/** So many virtual servers are open by themselves; of more, those with something wrong, unless these are more, too. */
const OPEN_MOST = 8;

/** All virtual servers, or those that are looked for. */
export class Pools {
  readonly #pools = new Map<string, Pool>();
  readonly #find = input("find");
  readonly #only = input("only");

  constructor(private readonly agent: Agent) {
    this.#find.addEventListener("input", () => this.draw());
    this.#only.addEventListener("change", () => this.draw());
  }

  draw(): void {
    const services = inOrder(this.agent.status?.services ?? []);
    const opens = services.length <= OPEN_MOST;
    const opensWrong = services.filter(isWrong).length <= OPEN_MOST;
    const keys = new Set(services.map(({ service }) => service));
    for (const key of this.#pools.keys()) if (!keys.has(key)) this.#pools.delete(key);
    const shown = services.filter((one) => this.#isLookedFor(one));
    const nodes = shown.map((one) => {
      const pool = this.#pools.get(one.service) ?? new Pool(one, this.agent);
      this.#pools.set(one.service, pool);
      pool.draw(one, opens || (opensWrong && isWrong(one)));
      pool.drawRates();
      return pool.node;
    });
    arrange(element("pools"), nodes);
    say(
      element("shown"),
      shown.length === services.length ? `${services.length}` : `${shown.length} of ${services.length}`,
    );
    element("none").hidden = shown.length > 0;
  }

  drawRates(): void {
    for (const pool of this.#pools.values()) if (pool.node.isConnected) pool.drawRates();
  }

  /** Shows one, whatever is looked for. */
  reveal(service: string): void {
    if (!this.#pools.get(service)?.node.isConnected) {
      this.#find.value = "";
      this.#only.checked = false;
      this.draw();
    }
    this.#pools.get(service)?.reveal();
  }

  #isLookedFor(service: ServiceStatus): boolean {
    if (this.#only.checked && !isWrong(service)) return false;
    const words = this.#find.value.trim().toLowerCase();
    if (words === "") return true;
    const text = [
      service.service,
      service.owner,
      service.scheduler,
      ...service.servers.map(({ server }) => server),
    ];
    return text.join(" ").toLowerCase().includes(words);
  }
}
