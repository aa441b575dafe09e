import type { Status } from "../../status";
import { short } from "../../top/text";
import { type Agent, KEPT } from "./agent";
import { Curve } from "./charts";
import { arrange, element, made, say } from "./dom";
import type { Pools } from "./pools";
import { clock, idOf, inOrder, serverState, span } from "./words";

/** A number with its name. */
class Tile {
  readonly node = made("div");
  readonly #value = made("dd", { className: "value" });
  readonly #note = made("dd", { className: "note" });

  constructor(name: string, ...more: readonly Node[]) {
    this.node.append(made("dt", { text: name }), this.#value, this.#note);
    if (more.length > 0) this.#note.replaceChildren(...more);
  }

  draw(value: string, note: string | undefined, isBad = false): void {
    say(this.#value, value);
    if (note !== undefined) say(this.#note, note);
    this.node.classList.toggle("bad", isBad);
  }
}

/** The director as a whole. */
export class Overview {
  readonly #curve = new Curve("new connections per second");
  readonly #tiles = {
    services: new Tile("virtual servers"),
    servers: new Tile("real servers"),
    rate: new Tile("new per second", this.#curve.node),
    open: new Tile("open connections"),
    checks: new Tile("checks"),
    repairs: new Tile("repairs"),
  };

  constructor(
    private readonly agent: Agent,
    private readonly pools: Pools,
  ) {
    element("tiles").append(...Object.values(this.#tiles).map(({ node }) => node));
  }

  draw(): void {
    const { status } = this.agent;
    if (!status) return;
    const { director, version, startedAt, reconciledAt, digests } = status;
    document.title = `${status.ready === false || problemsOf(status).length > 0 ? "(!) " : ""}${director} · HeYe`;
    say(element("director"), director);
    const pill = element("ready");
    const [word, tone] = readiness(status);
    say(pill, word);
    pill.className = `pill ${tone}`;
    const looked =
      reconciledAt === 0 ? "table not looked at yet" : `table as wanted at ${clock(reconciledAt)}`;
    say(element("about"), `agent ${version} · up ${span(Date.now() - startedAt)} · ${looked}`);
    const short = (digest: string | undefined) => digest?.slice(0, 12) ?? "unknown";
    say(
      element("digests"),
      `declared ${short(digests?.registry)} · table ${short(digests?.table)} · choice ${short(digests?.choice)}`,
    );
    this.#drawTiles(status);
    this.#drawProblems(status);
  }

  drawRates(): void {
    const curve = this.agent.curves.get("") ?? [];
    const now = curve.at(-1);
    this.#tiles.rate.draw(now === undefined ? "–" : short(now), undefined);
    this.#curve.draw(curve, KEPT, `now ${short(now ?? 0)}, at most ${short(Math.max(0, ...curve))}`);
    const services = [...this.agent.rates.values()].filter(({ server }) => server === undefined);
    const sum = (what: "active" | "inactive") => services.reduce((all, one) => all + one[what], 0);
    this.#tiles.open.draw(
      now === undefined ? "–" : short(sum("active")),
      `${short(sum("inactive"))} opening or closing`,
    );
  }

  #drawTiles({ services, checks, repairs, drains }: Status): void {
    const lost = services.filter(({ up }) => !up).length;
    this.#tiles.services.draw(
      `${services.length}`,
      lost === 0 ? "all with their quorum" : `${lost} without quorum`,
      lost > 0,
    );
    // One that is in several virtual servers is one.
    const servers = new Map(services.flatMap((one) => one.servers).map((one) => [one.server, one]));
    const down = [...servers.values()].filter((one) => serverState(one).word === "down").length;
    const drained = drains.length > 0 ? `, ${drains.length} drained` : "";
    this.#tiles.servers.draw(`${servers.size}`, `${down === 0 ? "none" : down} down${drained}`, down > 0);
    this.#tiles.checks.draw(
      short(checks.checks),
      `${short(checks.failures)} failed, ${short(checks.late)} late`,
    );
    this.#tiles.repairs.draw(short(repairs), "of what others changed");
  }

  #drawProblems(status: Status): void {
    const items = problemsOf(status).map(({ head, detail, services }) => {
      const item = made("li", {}, made("strong", { text: head }));
      if (detail !== "") item.append(` ${detail}`);
      for (const [index, service] of services.slice(0, LINKED).entries())
        item.append(index === 0 ? " " : ", ", this.#link(service));
      if (services.length > LINKED) item.append(` and ${services.length - LINKED} more`);
      return item;
    });
    const list = element("problem-list");
    // Made anew only where something has changed: a link may have the focus.
    const words = items.map((item) => item.textContent).join("\n");
    if (list.dataset.words !== words) arrange(list, items);
    list.dataset.words = words;
    element("problems").hidden = items.length === 0;
  }

  #link(service: string): HTMLElement {
    const link = made("a", { text: service });
    link.href = `#${idOf(service)}`;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.pools.reveal(service);
    });
    return link;
  }
}

/** Something to look at, and where. */
interface Problem {
  readonly head: string;
  readonly detail: string;
  readonly services: readonly string[];
}

/** Problems that are listed by themselves, and virtual servers that each of them names. */
const LISTED = 12;
const LINKED = 3;

/** What the agent says, lost quorums, and servers that are down: each once, wherever it is down. */
function problemsOf({ alarms = [], services: all }: Status): Problem[] {
  const services = inOrder(all);
  const ofAgent = alarms.map(({ alarm, detail }): Problem => ({ head: `${alarm}:`, detail, services: [] }));
  const lost = services.filter(({ up }) => !up).map(({ service }) => service);
  const ofPools = lost.length > 0 ? [{ head: "no quorum:", detail: "", services: lost }] : [];
  const down = new Map<string, string[]>();
  for (const { service, servers } of services)
    for (const one of servers)
      if (serverState(one).word === "down") down.set(one.server, [...(down.get(one.server) ?? []), service]);
  const ofServers = [...down].map(([server, at]) => ({
    head: "down:",
    detail: `${server} in`,
    services: at,
  }));
  const more = ofServers.length - LISTED;
  const rest = more > 0 ? [{ head: `and ${more} more servers`, detail: "that are down", services: [] }] : [];
  return [...ofAgent, ...ofPools, ...ofServers.slice(0, LISTED), ...rest];
}

function readiness({ ready, maintenance }: Status): [word: string, tone: string] {
  if (maintenance) return ["maintenance", "rest"];
  return ready === false ? ["not ready", "bad"] : ["ready", "good"];
}
