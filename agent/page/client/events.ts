import { isProperties, type Properties } from "./answers";
import { element, made, say } from "./dom";
import { clock } from "./words";

/** Events that a page can hear of; others change nothing that it shows. */
const NAMES = [
  ...["down", "up", "quorum", "declared", "change", "settle", "repair", "drift", "drain", "drained"],
  ...["maintenance", "resume", "reconcile", "record", "registry", "place", "start", "plane", "lost"],
];
/** Said aloud: they are what people wait for. */
const SAID: ReadonlySet<string> = new Set(["down", "up", "quorum"]);
const LISTED = 50;
/** When somebody who was turned away comes again. */
const AGAIN_MS = 3_000;

/** Where the connection to the agent is told. */
export type OnLine = (isLive: boolean) => void;

/** Listens to what happens, lists it, and tells that there is something new to read. */
export class Events {
  readonly #list = element("events");

  constructor(
    private readonly onEvent: () => void,
    private readonly onLine: OnLine,
  ) {
    this.#listen();
  }

  #listen(): void {
    const source = new EventSource("v1/events");
    source.addEventListener("open", () => this.onLine(true));
    source.addEventListener("error", () => {
      this.onLine(false);
      // A browser comes back by itself where nobody answers; where it is answered with something else, by an agent that is
      // starting or that has too many listeners, it gives up for good.
      if (source.readyState === EventSource.CLOSED) window.setTimeout(() => this.#listen(), AGAIN_MS);
    });
    for (const name of NAMES)
      source.addEventListener(name, (event) => {
        this.#add(name, readData(event.data));
        this.onEvent();
      });
  }

  #add(name: string, { at, ...data }: Properties): void {
    const words = wordsOf(name, data);
    const tone =
      name === "down" || data.up === false ? " bad" : name === "up" || data.up === true ? " good" : "";
    const time = made("time", { text: clock(typeof at === "number" ? at : Date.now()) });
    const item = made(
      "li",
      {},
      time,
      made("span", { className: `what${tone}`, text: name }),
      made("span", { className: "detail", text: words }),
    );
    this.#list.prepend(item);
    while (this.#list.children.length > LISTED) this.#list.lastElementChild?.remove();
    element("quiet").hidden = true;
    if (SAID.has(name)) say(element("said"), `${name}: ${words}`);
  }
}

function readData(text: unknown): Properties {
  try {
    const value: unknown = JSON.parse(String(text));
    return isProperties(value) ? value : {};
  } catch {
    return {};
  }
}

function wordsOf(name: string, { server, service, answer, up, ...rest }: Properties): string {
  if (name === "up" || name === "down") return [server, answer].filter(Boolean).join("  ");
  if (name === "quorum") return `${service} ${up ? "has its quorum again" : "has lost its quorum"}`;
  const parts = {
    ...(server !== undefined && { server }),
    ...(service !== undefined && { service }),
    ...rest,
  };
  return Object.entries(parts)
    .map(([key, value]) => `${key} ${shown(value)}`)
    .join(", ")
    .slice(0, 400);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join("; ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
