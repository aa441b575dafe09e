import assert from "node:assert/strict";
import { validateHeaderName, validateHeaderValue } from "node:http";
import * as fc from "fast-check";
import { formatPath, healthCheck, includesStatus, parse, type StatusRange } from "../../spec";
import { authority } from "./certificates";
import { always } from "./property";

const UNKNOWN = "unknown";
const isUnknown = (value: unknown) => value === UNKNOWN;
const http = (check: object) => parse(healthCheck, { type: "http", ...check }, isUnknown);
const problems = (check: object) =>
  http(check).problems.map(({ path, reason }) => `${formatPath(path)}: ${reason}`);
const normal = (expectedStatuses: readonly unknown[]) => {
  const { value, problems: none } = http({ expectedStatuses });
  assert.deepEqual(none, []);
  assert.ok(value.type === "http");
  return value.expectedStatuses;
};

describe("expected statuses", () => {
  const status = fc.integer({ min: 200, max: 599 });
  const range: fc.Arbitrary<StatusRange> = fc.oneof(
    status,
    status.map(String),
    fc.tuple(status, status).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
  const ranges = fc.array(range, { minLength: 1, maxLength: 12 });
  const meaning = (list: readonly StatusRange[]) =>
    Array.from({ length: 500 }, (_, index) => index + 150).filter((one) => includesStatus(list, one));

  it("keep their meaning in normal form", () => {
    always(fc.property(ranges, (list) => assert.deepEqual(meaning(normal(list)), meaning(list))));
  });

  it("have one normal form for one meaning, whatever the order, the overlaps and the spelling", () => {
    const oneByOne = (list: readonly StatusRange[]) => meaning(list).map(String).reverse();
    always(fc.property(ranges, (list) => assert.deepEqual(normal(oneByOne(list)), normal(list))));
  });

  it("are in normal form already when they are", () => {
    always(fc.property(ranges, (list) => assert.deepEqual(normal(normal(list)), normal(list))));
  });

  it("are sorted and merged", () => {
    assert.deepEqual(normal(["301-302", 300, "200-299", "404", 404, 503]), ["200-302", 404, 503]);
    const { value } = http({});
    assert.ok(value.type === "http");
    assert.deepEqual(value.expectedStatuses, ["200-399"]);
  });

  it("that cannot be are refused, each at its place", () => {
    const expected = 'expected a status from 200 to 599 or a range of them such as "200-299"';
    assert.deepEqual(problems({ expectedStatuses: [200, "299-200", 199, "2xx", 200.5, "200-600", null] }), [
      `expectedStatuses[1]: ${expected}, found "299-200"`,
      `expectedStatuses[2]: ${expected}, found 199`,
      `expectedStatuses[3]: ${expected}, found "2xx"`,
      `expectedStatuses[4]: ${expected}, found 200.5`,
      `expectedStatuses[5]: ${expected}, found "200-600"`,
      `expectedStatuses[6]: ${expected}, found null`,
    ]);
    assert.deepEqual(problems({ expectedStatuses: [] }), [
      "expectedStatuses: expected at least one status, found 0",
    ]);
    assert.deepEqual(problems({ expectedStatuses: 200 }), [
      "expectedStatuses: expected a list of statuses, found a number",
    ]);
  });

  it("that are not known yet are left alone", () => {
    const { value, problems: none } = http({ expectedStatuses: [300, UNKNOWN, 200] });
    assert.deepEqual(none, []);
    assert.ok(value.type === "http");
    assert.deepEqual(value.expectedStatuses, [300, UNKNOWN, 200]);
  });
});

describe("header fields", () => {
  it("that a request cannot carry are refused, without their values", () => {
    const headers = {
      "X-Good": "a value",
      "X-Empty": "",
      "Bad Name: s3cret": "x",
      "X-Split": "s3cret\r\nX-Injected: 1",
      "X-Space": " s3cret",
      "X-Byte": "s3cr\u00e9t",
      "X.Number": 5,
    };
    const value =
      "expected the value of a header field as text: printable ASCII on one line, no space at either end";
    assert.deepEqual(problems({ headers }), [
      "headers: expected the name of a header field (letters, digits and hyphens), found another text as a key",
      `headers.X-Split: ${value}`,
      `headers.X-Space: ${value}`,
      `headers.X-Byte: ${value}`,
      `headers["X.Number"]: ${value}`,
    ]);
    assert.deepEqual(problems({ headers: "Authorization: s3cret" }), [
      "headers: expected an object, found text",
    ]);
  });

  it("that the check itself sends are refused", () => {
    assert.match(problems({ headers: { HOST: "a" } })[0] ?? "", /found Host: use the property host/);
    for (const name of ["Connection", "content-length", "Transfer-Encoding", "Expect", "Upgrade"]) {
      assert.match(problems({ headers: { [name]: "1" } })[0] ?? "", /the check itself says/, name);
    }
  });

  it("stand there once, and keep their spelling", () => {
    assert.match(problems({ headers: { "X-A": "1", "x-a": "2" } })[0] ?? "", /^headers: .* found x-a in two/);
    const { value } = http({ headers: JSON.parse('{ "X-A": "1", "__proto__": "x" }') });
    assert.ok(value.type === "http");
    assert.deepEqual(Object.entries(value.headers ?? {}), [
      ["X-A", "1"],
      ["__proto__", "x"],
    ]);
  });

  it("never hold what node refuses to send", () => {
    const text = fc.string({ unit: "binary-ascii", maxLength: 2 });
    always(
      fc.property(text, text, (name, value) => {
        if (problems({ headers: Object.fromEntries([[name, value]]) }).length > 0) return;
        validateHeaderName(name);
        validateHeaderValue(name, value);
      }),
    );
  });
});

describe("an expression for the body", () => {
  it("needs a method whose answer has a body", () => {
    assert.deepEqual(problems({ bodyRegex: "ok" }), [
      "bodyRegex: expected method GET with bodyRegex, found HEAD: its answer has no body to search",
    ]);
    assert.deepEqual(problems({ bodyRegex: "ok", method: "GET" }), []);
    assert.deepEqual(problems({ bodyRegex: "ok", method: UNKNOWN }), []);
  });

  it("that cannot be read is refused with the reason", () => {
    for (const [bad, reason] of [
      ["(", /Unterminated group/],
      ["a**", /Nothing to repeat/],
      ["\\h", /Invalid escape/],
      ["", /empty text/],
    ] as const) {
      assert.match(problems({ method: "GET", bodyRegex: bad }).join(), reason, bad);
    }
  });
});

describe("TLS of a check", () => {
  it("takes certificates alone, and never shows what it was given", async () => {
    const { cert, key } = await authority("known");
    const ca = (text: string) => problems({ tls: { ca: text } });
    assert.deepEqual(ca(`${cert}\n${cert}`), []);
    assert.deepEqual(ca(key), ["tls.ca: expected certificates alone, found a block of the kind PRIVATE KEY"]);
    assert.match(ca("s3cret").join(), /^tls.ca: expected certificates in PEM format .*, found none$/);
    const broken = cert.replace(/^M/m, "N");
    assert.match(ca(`${cert}\n${broken}`).join(), /number 2 cannot be read$/);
  });

  it("knows one spelling of a certificate", async () => {
    const { cert } = await authority("known");
    const caOf = (text: string) => {
      const { value } = http({ tls: { ca: text } });
      assert.ok(value.type === "http");
      return value.tls?.ca;
    };
    assert.equal(caOf(`subject=known\r\n${cert.replaceAll("\n", "\r\n")}\r\n\r\n`), caOf(cert));
    assert.equal(caOf(caOf(cert) ?? ""), caOf(cert));
  });

  it("is verified or not, never both", async () => {
    const { cert } = await authority("known");
    assert.deepEqual(problems({ tls: { ca: cert, insecure: true } }), [
      "tls.insecure: expected either ca or insecure, found both: with insecure nothing is verified",
    ]);
    assert.deepEqual(problems({ tls: { ca: cert, insecure: false } }), []);
    assert.deepEqual(problems({ tls: { ca: UNKNOWN, insecure: true } }), []);
    assert.deepEqual(problems({ tls: { insecure: "yes", serverName: "a:443" } }), [
      'tls.serverName: expected a host name or an IP address, without a port, found "a:443"',
      'tls.insecure: expected true or false, found "yes"',
    ]);
  });
});

describe("a check as a whole", () => {
  it("names everything that is wrong at once", () => {
    const { problems: found } = http({
      path: "x",
      method: "POST",
      headers: { Host: "a" },
      expectedStatuses: [1],
      bodyRegex: "(",
      tls: { typo: 1 },
      fall: 0,
    });
    assert.deepEqual(
      found.map(({ path }) => formatPath(path)),
      ["path", "method", "headers", "expectedStatuses[0]", "bodyRegex", "tls.typo", "fall"],
    );
  });

  it("never throws, whatever it is given", () => {
    const anything = fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true });
    const fields = fc.record(
      {
        headers: anything,
        expectedStatuses: fc.oneof(anything, fc.array(anything)),
        bodyRegex: anything,
        tls: fc.oneof(anything, fc.record({ ca: anything, insecure: anything })),
      },
      { requiredKeys: [] },
    );
    always(fc.property(fields, (check) => void http(check)));
  });
});
