import assert from "node:assert/strict";
import * as fc from "fast-check";
import { patched } from "../../agent/api/bodies";
import { differences } from "../../agent/api/history";
import { identityOfId, placeOfId, realServerId, virtualServerId } from "../../agent/api/ids";
import { isAmong } from "../../agent/api/preconditions";
import {
  canonicalAddress,
  parseVirtualServer,
  type VirtualServerIdentity,
  virtualServer,
  withoutSecrets,
} from "../../spec";
import { always } from "./property";

const address = fc
  .oneof(fc.ipV4(), fc.ipV6())
  .map((text) => canonicalAddress(text) ?? text)
  // Those that no virtual server can have are no ids either.
  .filter((text) => parseVirtualServer({ address: text, port: 80 }).problems.length === 0);
const port = fc.integer({ min: 0, max: 65_535 });
const identity: fc.Arbitrary<VirtualServerIdentity> = fc.oneof(
  fc.record({ protocol: fc.constantFrom("tcp", "udp", "sctp"), address, port }),
  fc.record({ fwmark: fc.integer({ min: 1, max: 2 ** 32 - 1 }), family: fc.constantFrom("ipv4", "ipv6") }),
);

describe("ids of the API", () => {
  it("are one spelling of what they name, and lead back to it", () => {
    always(
      fc.property(identity, (one) => {
        assert.deepEqual(identityOfId(virtualServerId(one)), { ...one });
      }),
    );
    always(
      fc.property(address, port, (host, at) => {
        const place = { address: host, port: at };
        assert.deepEqual(placeOfId(realServerId(place)), place);
      }),
    );
  });

  it("are no others", () => {
    const none = [
      ...[
        "",
        "tcp",
        "tcp-192.0.2.1",
        "tcp-192.0.2.1-",
        "tcp-192.0.2.01-80",
        "tcp-192.0.2.1-080",
        "tcp-192.0.2.1-65536",
      ],
      ...[
        "TCP-192.0.2.1-80",
        "icmp-192.0.2.1-80",
        "tcp-2001:db8::1-80",
        "tcp-[2001:DB8::1]-80",
        "tcp-[192.0.2.1]-80",
      ],
      ...[
        "tcp-127.0.0.1-80",
        "fwmark-0-ipv4",
        "fwmark-5",
        "fwmark-05-ipv4",
        "fwmark-4294967296-ipv4",
        "tcp-lb1-80",
      ],
    ];
    for (const id of none) assert.equal(identityOfId(id), undefined, id);
    for (const id of [
      "10.0.0.1",
      "10.0.0.1:80",
      "10.0.0.1-80-",
      "10.0.0.01-80",
      "2001:db8::1-80",
      "10.0.0.1-99999",
    ])
      assert.equal(placeOfId(id), undefined, id);
    always(
      fc.property(fc.string(), (id) => {
        const found = identityOfId(id);
        assert.ok(found === undefined || virtualServerId(found) === id);
      }),
    );
  });
});

describe("what is shown of a specification", () => {
  it("holds none of its secrets, and all of the rest", () => {
    const mysql = { type: "mysql", user: "u", password: "S3cret-1", query: "SELECT 1" };
    const http = { type: "http", path: "/", headers: { authorization: "S3cret-2" } };
    const { value, problems } = parseVirtualServer({
      ...{ address: "192.0.2.1", port: 80, healthCheck: mysql },
      realServers: [{ address: "10.0.0.1", healthCheck: http }],
    });
    assert.deepEqual(problems, []);
    const shown = withoutSecrets(virtualServer, value);
    assert.doesNotMatch(JSON.stringify(shown), /S3cret/);
    const again = parseVirtualServer(shown);
    assert.deepEqual(again.problems, []);
    assert.deepEqual(
      again.value,
      JSON.parse(
        JSON.stringify(value)
          .replace(/,"password":"S3cret-1"/, "")
          .replace('"authorization":"S3cret-2"', ""),
      ),
    );
  });
});

describe("a merge patch", () => {
  it("does what RFC 7396 says", () => {
    // The cases of its appendix A that have objects on both sides.
    const cases: [target: object, patch: Record<string, unknown>, result: object][] = [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b" }, { a: null }, {}],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) assert.deepEqual(patched({ ...target }, patch), result);
  });
});

describe("differences of two versions", () => {
  it("are the places at which they differ, with both", () => {
    assert.deepEqual(differences({ a: 1, b: { c: [1, 2] }, d: 1 }, { a: 1, b: { c: [1, 3] }, e: 2 }), [
      { path: "b.c[1]", expected: 2, found: 3 },
      { path: "d", expected: 1 },
      { path: "e", found: 2 },
    ]);
    assert.deepEqual(differences([1], [1, 2]), [{ path: "", expected: [1], found: [1, 2] }]);
    always(
      fc.property(fc.jsonValue(), (one) => {
        assert.deepEqual(differences(one, structuredClone(one)), []);
      }),
    );
  });
});

describe("entity tags", () => {
  it("are compared whole; a weak one is none, and * is whatever is there", () => {
    assert.ok(isAmong('"a"', '"b", "a"'));
    assert.ok(isAmong('"a"', " * "));
    assert.ok(!isAmong(undefined, "*"));
    for (const field of ['W/"a"', "a", '"aa"', "", '"a']) assert.ok(!isAmong('"a"', field), field);
  });
});
