import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { handlerFor, UNKNOWN } from "../../provider";
import { seal, unseal } from "../../spec";
import { always } from "./property";

const HANDLE = {
  id: "edge-1",
  label: "shop/prod Cluster edge",
  directors: [{ name: "lb1", connection: { host: "10.1.1.2", password: "secret", hostKey: "SHA256:x" } }],
};
/** The same as it lies in states: what seals and opens it never changes. */
const SEALED =
  ".g/oxNSU9VdcQyafFGfkF+gVF+SlwL4OUKOEIqZwkQ1yBa2igZ6hnqGcEChVEwihOTS5KBYUUIj6DPRyNTM2sKpRqa2NrAQ==";
const WEB = { name: "web", address: "192.0.2.1", port: 80 };

describe("the handle of a cluster", () => {
  it("is one text for the engine, and says the same again", () => {
    always(
      fc.property(fc.jsonValue(), (value) =>
        assert.deepEqual(unseal(seal(value)), JSON.parse(JSON.stringify(value))),
      ),
    );
  });

  it("is read as older versions sealed it, and as this one did once and for all", () => {
    assert.deepEqual(unseal(deflateRawSync(JSON.stringify(HANDLE)).toString("base64")), HANDLE);
    assert.deepEqual(unseal(SEALED), HANDLE);
    assert.ok(SEALED.length < 100, "what all handles say alike is not kept");
  });

  it("is a reference among the inputs of a state, and whole where a delete finds it", async () => {
    const { check, diff, read } = handlerFor("VirtualServer");
    const { inputs } = check({ ...WEB, cluster: seal(HANDLE) });
    const [reference, text] = [String(inputs.cluster), JSON.stringify(inputs)];
    assert.ok(reference.length < 60 && !text.includes(seal(HANDLE)), text);
    assert.equal(check({ ...WEB, cluster: seal(HANDLE) }).inputs.cluster, reference, "always the same one");
    assert.notEqual(check({ ...WEB, cluster: seal({ ...HANDLE, id: "edge-2" }) }).inputs.cluster, reference);
    const state = { ...inputs, cluster: seal(HANDLE), key: "tcp 192.0.2.1:80" };
    assert.equal(diff(state, inputs).changes, false);
    await assert.rejects(async () => read("id", { ...state, cluster: "handle:unheard-of" }), {
      code: "HEYE_HANDLE",
    });
  });

  it("that another process has referred to is known by the state", () => {
    const other = seal({ ...HANDLE, label: "from a state" });
    const { check, diff } = handlerFor("VirtualServer");
    const reference = `handle:${createHash("sha256").update(other).digest("base64url")}`;
    const { inputs, problems } = check({ ...WEB, cluster: reference });
    assert.deepEqual([inputs.cluster, problems], [reference, []]);
    assert.equal(diff({ ...inputs, cluster: other, key: "tcp 192.0.2.1:80" }, inputs).changes, false);
  });

  it("leaves a check as it came where nothing is sealed", () => {
    const { check } = handlerFor("VirtualServer");
    for (const cluster of [HANDLE, UNKNOWN]) {
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
