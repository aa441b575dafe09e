import type { ServerStatus, ServiceStatus } from "../../status";
import { short } from "../../top/text";
import { type Agent, KEPT } from "./agent";
import { Curve, Strip } from "./charts";
import { arrange, made, say } from "./dom";
import { idOf, isWrong, poolState, type State, serverState, span, weightWords } from "./words";

/** Names of the columns, in their order. */
const COLUMNS = ["state", "server", "weight", "new/s", "open", "last checks", "since", "last answer"];

/** Classes of their cells. */
const CLASSES = [
  ...["state", "server", "number weight", "number new", "number open"],
  ...["strip-cell", "since", "answer"],
];

/** One virtual server on the page. Its servers are drawn only while it is open. */
export class Pool {
  readonly node = made("details", { className: "pool" });
  readonly #state = made("span", { className: "pill" });
  readonly #key = made("span", { className: "key" });
  readonly #owner = made("span", { className: "owner" });
  readonly #rate = made("span", { className: "rate" });
  readonly #open = made("span", { className: "open quiet" });
  readonly #curve: Curve;
  readonly #rows = new Map<string, Row>();
  #body: HTMLElement | undefined;
  #status: ServiceStatus;
  /** Whether somebody has opened or closed it. */
  #isTouched = false;

  constructor(
    status: ServiceStatus,
    private readonly agent: Agent,
  ) {
    this.#status = status;
    this.node.id = idOf(status.service);
    this.#curve = new Curve(`new connections per second of ${status.service}`);
    const graph = made("span", { className: "graph" }, this.#curve.node);
    const parts = [this.#state, this.#key, this.#owner, graph, this.#rate, this.#open];
    const summary = made("summary", {}, ...parts);
    summary.addEventListener("click", () => {
      this.#isTouched = true;
    });
    this.node.append(summary);
    this.node.addEventListener("toggle", () => this.#drawServers());
  }

  /** @param opens whether it is open, unless somebody has decided that */
  draw(status: ServiceStatus, opens: boolean): void {
    this.#status = status;
    show(this.#state, poolState(status));
    say(this.#key, status.service);
    say(this.#owner, `${status.owner} · ${status.scheduler}`);
    this.node.classList.toggle("wrong", isWrong(status));
    if (!this.#isTouched && this.node.open !== opens) this.node.open = opens;
    this.#drawServers();
  }

  drawRates(): void {
    const { service } = this.#status;
    const rates = this.agent.rates.get(service);
    const curve = this.agent.curves.get(service) ?? [];
    const words = rates ? `${short(rates.connections)} new/s` : "";
    say(this.#rate, words);
    say(this.#open, rates ? `${short(rates.active)} open` : "");
    this.#curve.draw(
      curve,
      KEPT,
      `now ${short(rates?.connections ?? 0)}, at most ${short(Math.max(0, ...curve))}`,
    );
    if (this.node.open) for (const row of this.#rows.values()) row.drawRates(this.agent, service);
  }

  /** Brings it into view. */
  reveal(): void {
    this.#isTouched = true;
    this.node.open = true;
    this.node.scrollIntoView({ block: "start" });
    this.node.querySelector("summary")?.focus();
  }

  #drawServers(): void {
    if (!this.node.open) return;
    this.#body ??= this.#table();
    const { service, servers, sorryServer } = this.#status;
    const keys = new Set(servers.map(({ server }) => server));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    const rows = servers.map((one) => {
      const row = this.#rows.get(one.server) ?? new Row();
      this.#rows.set(one.server, row);
      row.draw(one, this.agent.recent[service]?.[one.server] ?? "");
      row.drawRates(this.agent, service);
      return row.node;
    });
    const sorry = sorryServer ? [sorryRow(sorryServer)] : [];
    arrange(this.#body, [...rows, ...sorry]);
  }

  #table(): HTMLElement {
    // Said in roles as well: on a narrow screen rows are laid out in another way, and stay a table for those who do not see it.
    const heads = COLUMNS.map((name, index) => {
      const cell = made("th", { text: name, className: CLASSES[index] ?? "" });
      cell.setAttribute("role", "columnheader");
      cell.scope = "col";
      return cell;
    });
    const head = withRole(made("tr", {}, ...heads), "row");
    const body = withRole(made("tbody"), "rowgroup");
    const table = withRole(
      made("table", { className: "servers" }, withRole(made("thead", {}, head), "rowgroup"), body),
      "table",
    );
    table.setAttribute("aria-label", `servers of ${this.#status.service}`);
    this.node.append(table);
    return body;
  }
}

/** One real server of an open virtual server. */
class Row {
  readonly node = withRole(made("tr"), "row");
  readonly #state = made("span", { className: "pill" });
  readonly #cells = new Map(COLUMNS.map((name) => [name, withRole(made("td"), "cell")]));
  readonly #strip = new Strip();
  #word = "";
  #sinceMs: number | undefined;

  constructor() {
    for (const [index, [name, cell]] of [...this.#cells].entries()) {
      cell.className = CLASSES[index] ?? "";
      if (["weight", "new/s", "open"].includes(name)) cell.dataset.name = name;
      this.node.append(cell);
    }
    this.#cells.get("state")?.append(this.#state);
    this.#cells.get("last checks")?.append(this.#strip.node);
  }

  draw(status: ServerStatus, recent: string): void {
    const { server, health, reasons } = status;
    const state = serverState(status);
    show(this.#state, state);
    this.node.classList.toggle("down", state.word === "down");
    this.#flash(state.word);
    this.#say("server", server);
    this.#say("weight", weightWords(status));
    this.#strip.draw(recent);
    this.#sinceMs = health?.since;
    const why = reasons.filter((one) => one !== "down").join(", ");
    this.#say("last answer", [health?.answer, why && `[${why}]`].filter(Boolean).join(" ") || "not checked");
  }

  drawRates(agent: Agent, service: string): void {
    const rates = agent.rates.get(`${service} ${this.#cells.get("server")?.textContent}`);
    this.#say("since", this.#sinceMs === undefined ? "" : span(Date.now() - this.#sinceMs));
    this.#say("new/s", rates ? short(rates.connections) : "–");
    this.#say("open", rates ? short(rates.active) : "–");
  }

  #flash(word: string): void {
    if (this.#word !== "" && this.#word !== word) {
      this.node.classList.remove("flash");
      // Begins the animation anew.
      void this.node.offsetWidth;
      this.node.classList.add("flash");
    }
    this.#word = word;
  }

  #say(name: string, words: string): void {
    const cell = this.#cells.get(name);
    if (cell) say(cell, words);
  }
}

function sorryRow({ server, serves }: NonNullable<ServiceStatus["sorryServer"]>): HTMLElement {
  const state = made("span", { className: `pill ${serves ? "warn" : ""}`, text: serves ? "serves" : "idle" });
  const cells = [made("td", {}, state), made("td", { className: "server", text: server })];
  const rest = made("td", { className: "answer", text: "sorry server" });
  rest.colSpan = COLUMNS.length - 2;
  return withRole(made("tr", {}, ...[...cells, rest].map((cell) => withRole(cell, "cell"))), "row");
}

function show(pill: HTMLElement, { word, tone }: State): void {
  say(pill, word);
  pill.className = `pill ${tone}`;
}

function withRole<T extends HTMLElement>(node: T, role: string): T {
  node.setAttribute("role", role);
  return node;
}
