import assert from "node:assert/strict";
import * as fc from "fast-check";
import { handlerFor, UNKNOWN } from "../../provider";
import { seal, unseal } from "../../spec";
import { always } from "./property";

const HANDLE = {
  id: "edge-1",
  label: "shop/prod Cluster edge",
  directors: [{ name: "lb1", connection: { host: "10.1.1.2", password: "secret", hostKey: "SHA256:x" } }],
};
const WEB = { name: "web", address: "192.0.2.1", port: 80 };

describe("the handle of a cluster", () => {
  it("is one text for the engine, and says the same again", () => {
    always(
      fc.property(fc.jsonValue(), (value) =>
        assert.deepEqual(unseal(seal(value)), JSON.parse(JSON.stringify(value))),
      ),
    );
  });

  it("leaves a check as it came, whatever it is", () => {
    const { check } = handlerFor("VirtualServer");
    for (const cluster of [seal(HANDLE), HANDLE, UNKNOWN]) {
      const { inputs, problems } = check({ ...WEB, cluster });
      assert.deepEqual([inputs.cluster, problems], [cluster, []]);
    }
    for (const cluster of ["no handle", seal("nothing of the kind"), undefined]) {
      assert.deepEqual(
        check({ ...WEB, cluster }).problems.map(({ path }) => path.join()),
        ["cluster"],
      );
    }
  });

  it("is compared by what it says: states of old have it open", () => {
    const handler = handlerFor("VirtualServer");
    const { inputs } = handler.check({ ...WEB, cluster: seal(HANDLE) });
    const state = { ...inputs, cluster: HANDLE, key: "tcp 192.0.2.1:80" };
    assert.equal(handler.diff(state, inputs).changes, false);
    const other = { ...inputs, cluster: seal({ ...HANDLE, id: "edge-2" }) };
    assert.deepEqual(handler.diff(state, other).replaces, ["cluster"]);
  });

  it("that is damaged in the state is an error, which an update mends", async () => {
    const handler = handlerFor("VirtualServer");
    const { inputs } = handler.check({ ...WEB, cluster: seal(HANDLE) });
    for (const cluster of ["no handle", seal("nothing of the kind"), undefined]) {
      const state = { ...inputs, cluster };
      const expected = { code: "HEYE_HANDLE", message: /^web: expected the handle .* Run `pulumi up`/ };
      await assert.rejects(async () => handler.read("id", state), expected);
      await assert.rejects(async () => handler.delete("id", state), expected);
      const { changes, replaces } = handler.diff(state, inputs);
      assert.deepEqual([changes, replaces], [true, []]);
    }
  });
});
