import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { STREAMS } from "../../agent/api/limits";
import { EventRing } from "../../agent/events";
import { AgentSite, QUICK, until } from "./agent-site";
import { apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";

const VS = "/v1/virtual-servers";
const WEB = {
  address: "192.0.2.1",
  port: 80,
  healthCheck: QUICK,
  realServers: [{ address: "10.0.0.1" }, { address: "10.0.0.2" }],
};

/** An event as a client reads it. */
interface Event {
  readonly id: string;
  readonly event: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

/** A client that listens. */
class Listener {
  #text = "";
  readonly #request: http.ClientRequest;
  status = 0;

  constructor(socketPath: string, lastId?: string) {
    const headers = lastId === undefined ? {} : { "last-event-id": lastId };
    this.#request = http.get({ socketPath, path: "/v1/events", headers, agent: false }, (response) => {
      this.status = response.statusCode ?? 0;
      response.setEncoding("utf8").on("data", (text: string) => {
        this.#text += text;
      });
      response.on("error", () => undefined);
    });
    this.#request.on("error", () => undefined);
  }

  get events(): Event[] {
    const blocks = this.#text.split("\n\n").slice(0, -1);
    return blocks.map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const data = field("data");
      return {
        id: field("id") ?? "",
        event: field("event"),
        data: data === undefined ? data : JSON.parse(data),
      };
    });
  }

  async open(): Promise<this> {
    await until(
      () => this.events.length > 0,
      () => `status ${this.status}`,
    );
    return this;
  }

  async hears(event: string): Promise<Event> {
    const found = () => this.events.find((one) => one.event === event);
    await until(
      () => found() !== undefined,
      () => `${event} among ${this.events.map((one) => one.event).join()}`,
    );
    return found() as Event;
  }

  close(): void {
    this.#request.destroy();
  }
}

describe("the events of an agent", () => {
  let site: AgentSite;
  let servers: ModelledServers;
  let api: ReturnType<typeof apiClient>;
  let listeners: Listener[] = [];
  const listen = (lastId?: string) => {
    const listener = new Listener(site.socket, lastId);
    listeners.push(listener);
    return listener.open();
  };

  beforeEach(async () => {
    servers = new ModelledServers();
    site = await AgentSite.up(undefined, { dial: servers.dial });
    api = apiClient(site.socket);
  });
  afterEach(async () => {
    for (const listener of listeners) listener.close();
    listeners = [];
    await site.down();
  });

  it("tell of what is declared, of health, of drains and of repairs, as it happens", async () => {
    const listener = await listen();
    const { headers } = await api.post(VS, { body: WEB });
    const declared = await listener.hears("declared");
    assert.deepEqual(declared.data?.scope, ["tcp 192.0.2.1:80"]);
    assert.equal(declared.data?.revision, headers["heye-revision"]);
    assert.equal((await listener.hears("change")).data?.edits, 3);
    servers.down.add("10.0.0.2:80");
    const down = await listener.hears("down");
    assert.deepEqual([down.data?.server, down.data?.check], ["10.0.0.2:80", "tcp"]);
    servers.down.clear();
    await listener.hears("up");
    // What was written last is looked at once more before anything else is somebody else's.
    for (let looks = 0; looks < 3; looks++) await site.keeper.reconcile();
    site.kernel.set("");
    await site.keeper.reconcile();
    await listener.hears("repair");
    await api.remove(`${VS}/tcp-192.0.2.1-80/real-servers/10.0.0.2-80`);
    await site.keeper.reconcile();
    assert.deepEqual((await listener.hears("drained")).data?.servers, ["10.0.0.2:80"]);
  });

  it("are told to who comes back from where he left, each once", async () => {
    const first = await listen();
    await api.post(VS, { body: { ...WEB, realServers: [] } });
    const { id } = await first.hears("change");
    first.close();
    await api.put(`${VS}/udp-192.0.2.1-53`, { body: { healthCheck: { type: "none" } } });
    const second = await listen(id);
    await second.hears("declared");
    assert.deepEqual(
      second.events.flatMap(({ event, data }) => (event === "declared" ? [data?.scope] : [])),
      [["udp 192.0.2.1:53"]],
    );
  });

  it("are said to be lost to who comes back too late, or to another run of the agent", async () => {
    const first = await listen();
    const { id } = first.events[0] as Event;
    await site.stop();
    await site.start({ dial: servers.dial });
    for (const old of [id, "nonsense", "1-99999"]) {
      const again = await listen(old);
      assert.equal(again.events[0]?.event, "lost", old);
      assert.notEqual(again.events[0]?.id, "");
    }
  });

  it("are not begun behind another answer, where nothing would tell of their end", async () => {
    const ask = "GET /v1/events HTTP/1.1\r\nHost: agent\r\n\r\n";
    const socket = net.connect(site.socket);
    socket.write(ask.repeat(STREAMS.max));
    await once(socket, "data");
    for (let open = 1; open < STREAMS.max; open++) await listen();
    socket.destroy();
  });

  it("are not begun for who wants their head alone", async () => {
    for (let asked = 0; asked <= STREAMS.max; asked++) {
      const { status, headers, body } = await api.ask("HEAD", "/v1/events");
      assert.deepEqual([status, headers["content-type"], body], [200, "text/event-stream", undefined]);
    }
    await listen();
  });

  it("are told to so many at a time, and to others when these have gone", async () => {
    await Promise.all(Array.from({ length: STREAMS.max }, () => listen()));
    const { status, headers } = await api.get("/v1/events");
    assert.deepEqual([status, headers["retry-after"]], [503, "10"]);
    listeners[0]?.close();
    for (let tries = 0; ; tries++) {
      const next = new Listener(site.socket);
      listeners.push(next);
      const isOpen = await next.open().then(
        () => next.status === 200,
        () => false,
      );
      if (isOpen) break;
      assert.ok(tries < 5);
    }
  });
});

describe("a ring of events", () => {
  it("remembers so many, and knows which it has forgotten", () => {
    const ring = new EventRing("run", 3);
    assert.deepEqual(ring.since("run-0"), []);
    for (const type of ["a", "b", "c", "d"]) ring.add(type, {});
    const types = (id: string) => ring.since(id)?.map(({ type }) => type);
    assert.deepEqual(types("run-1"), ["b", "c", "d"]);
    assert.deepEqual(types("run-3"), ["d"]);
    assert.deepEqual(types("run-4"), []);
    for (const id of ["run-0", "run-5", "other-3", "run-", "run-x", ""])
      assert.equal(ring.since(id), undefined, id);
  });
});
