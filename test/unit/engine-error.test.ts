import assert from "node:assert/strict";
import { forEngine, shortened } from "../../provider/engine-error";
import { InitialisationError } from "../../provider/handler";
import { structBytes } from "../../provider/struct-size";

const structs = require("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: { fromJavaScript(value: object): { serializeBinary(): Uint8Array } };
};

describe("what the engine is told of an error", () => {
  const many = [
    "254 of 254 directors failed:",
    ...Array.from({ length: 254 }, (_, at) => `  d${at}: ${"x".repeat(200)}`),
  ];

  it("is short enough to reach it: first reasons, how many more there are, and what the directors hold", () => {
    const message = [...many, "Nothing was changed on any director."].join("\n");
    const { error, whole } = forEngine(new Error(message), (outputs) => outputs);
    assert.ok(error.message.length < 6100, `${error.message.length} characters`);
    assert.match(error.message, /^254 of 254 directors failed:\n {2}d0: x+\n/);
    assert.match(
      error.message,
      /\n {2}\.\.\. and \d{3} more lines\n(.*\n)*Nothing was changed on any director\.$/,
    );
    assert.equal(whole, message);
  });

  it("counts every line that is not shown", () => {
    const shown = shortened(many.join("\n")).split("\n");
    const missing = Number(/and (\d+) more lines/.exec(shown.join("\n"))?.[1]);
    assert.equal(shown.length - 1 + missing, many.length);
  });

  it("is the whole message where that is short, or one line too long for any place", () => {
    assert.equal(shortened("a\nb"), "a\nb");
    assert.ok(shortened("y".repeat(100_000)).length < 6100);
  });

  it("carries the state of a resource that exists but does not work", () => {
    const failure = new InitialisationError("id", { pool: ["a"] }, new Error("no server is healthy"));
    const { error } = forEngine(failure, (outputs) => ({ ...outputs, extra: 1 }));
    const { id, properties, reasons } = error as Error & Record<string, unknown>;
    assert.deepEqual(
      { id, properties, reasons },
      {
        id: "id",
        properties: { pool: ["a"], extra: 1 },
        reasons: ["no server is healthy"],
      },
    );
  });

  it("says so where that state is too large to travel: a stream that breaks would tell nothing", () => {
    const pool = Array.from({ length: 1000 }, (_, at) => ({ address: `10.0.0.${at}`, port: 80, weight: 1 }));
    const failure = new InitialisationError("id", { pool }, new Error("no server is healthy"));
    const { error } = forEngine(failure, (outputs) => outputs);
    assert.match(
      error.message,
      /^no server is healthy\nWhat exists of id now is too large .* Run `pulumi up` again/,
    );
    assert.equal(Object.hasOwn(error, "id"), false);
  });

  it("knows how long a state is as Pulumi sends it", () => {
    const state = { a: 1, text: "ä".repeat(300), list: [true, null, "x", { deep: [[], {}] }], n: -1.5 };
    assert.equal(structBytes(state), structs.Struct.fromJavaScript(state).serializeBinary().length);
  });
});
