import assert from "node:assert/strict";
import {
  drain,
  type Member,
  putMember,
  putVirtualServer,
  type Registration,
  removeMember,
  removeVirtualServer,
} from "../../director";
import { parseTable, renderTable } from "../../ipvs";
import { ModelDirector } from "./model-director";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const OTHER = { id: "other-1", label: "bank/prod Cluster core" };
const KEY = "tcp 192.0.2.1:80";
const TEXT = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n";
const WEB = { resource: "web", token: "t1" };
const SERVER = { resource: "s1", token: "t2" };
const NEW = { known: false };

const member: Member & { resource: string } = {
  ...SERVER,
  address: "10.0.0.1",
  port: 80,
  weight: 1,
  forwarding: "nat",
};
const pool = (claim: { resource: string; token: string }): Registration => ({
  ...claim,
  protocol: "tcp",
  address: "192.0.2.1",
  port: 80,
  scheduler: "rr",
  pool: "separate",
  members: [],
});

describe("a virtual server that nobody has registered", () => {
  const leaving = {
    "is not removed": removeVirtualServer(ME, KEY, WEB),
    "is not drained": drain(ME, KEY, WEB),
    "does not lose a server": removeMember(ME, KEY, "10.0.0.1:80", SERVER),
    "has no server drained": drain(ME, KEY, SERVER, "10.0.0.1:80"),
    "is not removed by undoing what is not there": putVirtualServer(ME, KEY, pool(WEB), NEW).undo(undefined),
  };
  for (const [what, change] of Object.entries(leaving)) {
    it(what, () => {
      const director = new ModelDirector(parseTable(TEXT));
      assert.deepEqual(director.run([change]), [{ before: undefined }]);
      assert.equal(renderTable(director.table), TEXT);
    });
  }
});

describe("changes that leave together", () => {
  const filled = () => {
    const director = new ModelDirector([]);
    director.run([putVirtualServer(ME, KEY, pool(WEB), NEW), putMember(ME, KEY, member, NEW)]);
    assert.equal(renderTable(director.table), TEXT);
    return director;
  };

  it("a pool's last server and its virtual server go", () => {
    const director = filled();
    const outcomes = director.run([
      removeMember(ME, KEY, "10.0.0.1:80", SERVER),
      removeVirtualServer(ME, KEY, WEB),
    ]);
    assert.ok(outcomes?.every((one) => "before" in one));
    assert.deepEqual(director.table, []);
  });

  it("one owner goes and another one takes the place", () => {
    const director = filled();
    const [gone, come] =
      director.run([
        removeVirtualServer(ME, KEY, WEB),
        putVirtualServer(OTHER, KEY, pool({ resource: "shop", token: "t3" }), NEW),
      ]) ?? [];
    assert.ok(gone && "before" in gone && come && "before" in come);
    assert.deepEqual(Object.keys(director.registry.owners), [OTHER.id]);
  });

  it("and are cut off while one owner follows another: the same again settles it", () => {
    const director = filled();
    const group = [
      removeVirtualServer(ME, KEY, WEB),
      putVirtualServer(
        OTHER,
        KEY,
        { ...pool({ resource: "shop", token: "t3" }), pool: "inline", members: [{ ...member, port: 81 }] },
        NEW,
      ),
    ];
    assert.equal(director.run(group, 2), undefined);
    assert.equal(Object.keys(director.registry.owners).length, 2);
    assert.ok(director.run(group)?.every((one) => "before" in one));
    assert.deepEqual(Object.keys(director.registry.owners), [OTHER.id]);
  });

  it("the place of one that has gone is not taken back from who has it now", () => {
    const director = filled();
    const [member, web] = [removeMember(ME, KEY, "10.0.0.1:80", SERVER), removeVirtualServer(ME, KEY, WEB)];
    const [, gone] = director.run([member, web]) ?? [];
    const shop = pool({ resource: "shop", token: "t3" });
    director.run([putVirtualServer(OTHER, KEY, shop, NEW)]);
    assert.ok(gone && "before" in gone);
    director.run([web.undo(gone.before)]);
    assert.deepEqual(Object.keys(director.registry.owners), [OTHER.id]);
  });

  it("a drain that is undone takes no other's change back", () => {
    const director = filled();
    const rest = drain(ME, KEY, WEB);
    const [rested] = director.run([rest]) ?? [];
    assert.ok(rested && "before" in rested);
    director.run([putMember(ME, KEY, { ...member, weight: 5 }, { known: true })]);
    director.run([rest.undo(rested.before)]);
    assert.equal(renderTable(director.table), TEXT.replace("-w 1", "-w 5"));
  });
});
