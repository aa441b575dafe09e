import assert from "node:assert/strict";
import { NotWritableError } from "../../director";
import type { Verdict } from "../../health";
import { parseTable } from "../../ipvs";
import type { Fleet } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { realServerHandler } from "../../provider/real-server";
import { virtualServerHandler } from "../../provider/virtual-server";
import { FakeDirector } from "./fake-director";
import { IDENTITY, NONE, server, text } from "./pool-fixture";

const TCP = { type: "tcp", intervalMs: 1, timeoutMs: 50, rise: 1, fall: 1, deadlineMs: 10 };
const CLUSTER = { id: "me-1", label: "shop/prod Cluster edge", directors: [] };

/** A director that finds those healthy that are well. */
class Site extends FakeDirector {
  readonly well = new Set<string>();
  readonly asked = new Set<string>();

  override async verdict(_check?: unknown, { address } = { address: "" }): Promise<Verdict> {
    this.asked.add(address);
    return this.well.has(address) ? { healthy: true, answer: "accepted", checks: 1 } : super.verdict();
  }
}

interface Resource {
  readonly handler: ResourceHandler;
  readonly inputs: Properties;
  id: string;
  state: Properties;
}

/** A virtual server and two RealServer resources, let in unasked on two directors; only d2 loses anything. */
async function made(more: Properties = {}, check: Properties = TCP) {
  const directors = [new Site("d1"), new Site("d2")] as const;
  const fleet = { of: () => directors, briefly: () => [] } as unknown as Fleet;
  const web = { name: "web", cluster: CLUSTER, ...IDENTITY, scheduler: "rr", ...more };
  const member = (last: number) => ({
    ...{ name: `rs${last}`, cluster: CLUSTER, ...server(last), drainMs: 0 },
    virtualServer: { ...IDENTITY, pool: "separate" },
  });
  const create = async (handler: ResourceHandler, inputs: Properties): Promise<Resource> => {
    const { id, outputs } = await handler.create({ ...inputs, healthCheck: NONE });
    return { handler, inputs: { ...inputs, healthCheck: check }, id, state: outputs };
  };
  const service = await create(virtualServerHandler(fleet), web);
  const one = await create(realServerHandler(fleet), member(1));
  const two = await create(realServerHandler(fleet), member(2));
  const [d1, d2] = directors;
  return { d1, d2, service, one, two };
}

async function update(resource: Resource, more: Properties = {}): Promise<void> {
  const { handler, id, state, inputs } = resource;
  resource.state = await handler.update(id, state, { ...inputs, ...more });
}

async function refresh(resource: Resource): Promise<void> {
  const read = await resource.handler.read(resource.id, resource.state);
  assert.ok(read);
  resource.state = read.outputs;
}

const lines = (table: string) => table.split("\n").sort();
const weightless = (...lasts: number[]) =>
  lasts.reduce((table, last) => table.replace(`.${last}:80 -m -w 1`, `.${last}:80 -m -w 0`), text(1, 2));
const both = text(1, 2);

describe("a virtual server that is changed where a director lost its servers", () => {
  it("lets those in again that are healthy there, and asks nobody elsewhere", async () => {
    const { d1, d2, service } = await made();
    d2.table = [];
    for (const address of ["10.0.0.1", "10.0.0.2"]) d2.well.add(address);
    await update(service);
    assert.deepEqual(lines(d2.text), lines(both));
    assert.deepEqual([[...d1.asked], [...d2.asked].sort()], [[], ["10.0.0.1", "10.0.0.2"]]);
    assert.deepEqual(service.state.behind, undefined);
  });

  it("gives the others back their places without connections, and the next up asks them again", async () => {
    const { d1, d2, service } = await made();
    d2.table = [];
    d2.well.add("10.0.0.1");
    await update(service, { scheduler: "wlc" });
    assert.deepEqual(lines(d2.text), lines(weightless(2).replace("-s rr", "-s wlc")));
    assert.deepEqual(lines(d1.text), lines(both.replace("-s rr", "-s wlc")));
    const { d2: reason } = service.state.behind as Record<string, string>;
    assert.match(reason ?? "", /10\.0\.0\.2:80 from director d2: tcp .*refused/);
    assert.doesNotMatch(reason ?? "", /10\.0\.0\.1:80/);
    assert.equal(service.handler.diff(service.state, service.inputs).changes, true);
    d2.well.add("10.0.0.2");
    await update(service);
    assert.deepEqual(lines(d2.text), lines(both));
    assert.equal(service.state.behind, undefined);
  });

  it("leaves no server out that its own RealServer lets in: a refresh finds each", async () => {
    const { d2, service, one, two } = await made();
    d2.table = [];
    for (const resource of [service, one, two]) await refresh(resource);
    for (const { handler, state, inputs } of [service, one, two])
      assert.equal(handler.diff(state, inputs).changes, true);
    await update(service);
    assert.deepEqual(lines(d2.text), lines(weightless(1, 2)));
    await update(one, { healthCheck: NONE });
    assert.deepEqual(lines(d2.text), lines(weightless(2)));
    await refresh(two);
    assert.deepEqual(Object.keys(two.state.drift ?? {}), ["d2"]);
    await update(two, { healthCheck: NONE });
    assert.deepEqual(lines(d2.text), lines(both));
  });

  it("asks those as well that somebody took out by hand", async () => {
    const { d2, service } = await made();
    d2.table = parseTable(weightless(1));
    await update(service);
    assert.deepEqual([...d2.asked], ["10.0.0.1"]);
    assert.deepEqual(lines(d2.text), lines(weightless(1)));
  });

  it("leaves them to the agent where there is one, which asks by itself", async () => {
    const { d2, service } = await made({ cluster: { ...CLUSTER, mode: "agent" } });
    d2.table = [];
    await update(service);
    assert.deepEqual([lines(d2.text), d2.asked.size, service.state.behind], [lines(both), 0, undefined]);
  });

  it("goes through its gate anew when the director loses them meanwhile", async () => {
    const { d2, service } = await made();
    d2.well.add("10.0.0.1");
    let isFirst = true;
    d2.meanwhile = () => {
      if (isFirst) d2.table = [];
      isFirst = false;
    };
    await update(service);
    assert.deepEqual(lines(d2.text), lines(weightless(2)));
  });

  it("lets nobody in either when it is put back because another director fails", async () => {
    const { d1, d2, service } = await made();
    d2.table = [];
    d2.well.add("10.0.0.1");
    d1.meanwhile = () => {
      throw new NotWritableError("d1", "no space left");
    };
    await assert.rejects(update(service, { scheduler: "wlc" }), { code: "HEYE_ROLLOUT" });
    assert.deepEqual(lines(d2.text), lines(weightless(2)));
  });

  it("leaves out what would refuse connections there that others can take", async () => {
    for (const [schedulerFlags, expected] of [
      [undefined, text(1)],
      [["sh-fallback"], weightless(2)],
    ] as const) {
      const { d2, service } = await made({ scheduler: "sh", schedulerFlags });
      d2.table = [];
      d2.well.add("10.0.0.1");
      await update(service);
      const flags = schedulerFlags ? " -b sh-fallback" : "";
      assert.deepEqual(lines(d2.text), lines(expected.replace("-s rr", `-s sh${flags}`)));
    }
  });
});

describe("a RealServer that is changed where a director lost others too", () => {
  it("lets in itself alone, once it was asked", async () => {
    const { d1, d2, one } = await made();
    d2.table = [];
    d2.well.add("10.0.0.1");
    await update(one, { weight: 3 });
    assert.deepEqual(lines(d2.text), lines(weightless(2).replace("-w 1", "-w 3")));
    assert.deepEqual([...d2.asked], ["10.0.0.1"]);
    assert.deepEqual(lines(d1.text), lines(both.replace("-w 1", "-w 3")));
  });

  it("lets nobody in when it leaves", async () => {
    const { d2, one } = await made();
    d2.table = [];
    await one.handler.delete(one.id, one.state);
    assert.deepEqual(lines(d2.text), lines(text(2).replace("-w 1", "-w 0")));
  });
});
