import assert from "node:assert/strict";
import { declarationOf } from "../../kubernetes";

const V1 = { calledSource: "any", healthCheckType: "http" };

describe("annotations of Kubernetes objects", () => {
  it("HeYe v1's have its defaults: every 2 s, 500 ms, 5 up, 2 down, HEAD /, 200 to 399", () => {
    const { check, problems } = declarationOf(V1);
    assert.deepEqual(problems, []);
    assert.ok(check?.type === "http");
    const { intervalMs, timeoutMs, rise, fall, method, path, expectedStatuses } = check;
    assert.deepEqual(
      { intervalMs, timeoutMs, rise, fall, method, path, expectedStatuses },
      {
        intervalMs: 2_000,
        timeoutMs: 500,
        rise: 5,
        fall: 2,
        method: "HEAD",
        path: "/",
        expectedStatuses: ["200-399"],
      },
    );
    assert.equal(declarationOf({ ...V1, healthCheckType: "tcp" }).check?.type, "tcp");
    assert.equal(declarationOf({ ...V1, healthCheckType: "mysql" }).check?.type, "mysql");
  });

  it("ours have the specification's, and go over HeYe v1's", () => {
    const own = declarationOf({ "heye.io/health-check": '{"type":"tcp"}' }).check;
    assert.deepEqual([own?.intervalMs, own?.rise], [1_000, 2]);
    const both = declarationOf({
      ...V1,
      "heye.io/health-check.path": "/alive",
      "heye.io/health-check.rise": "1",
    });
    assert.ok(both.check?.type === "http");
    assert.deepEqual([both.check.path, both.check.rise, both.check.intervalMs], ["/alive", 1, 2_000]);
  });

  it("single properties go over JSON, in depth, and texts need no quotes", () => {
    const { check } = declarationOf({
      "heye.io/health-check": '{"type":"http","tls":{"serverName":"a"},"path":"/x"}',
      "heye.io/health-check.tls.insecure": "true",
      "heye.io/health-check.path": "/123",
      "heye.io/health-check.expectedStatuses": '["204"]',
    });
    assert.ok(check?.type === "http");
    assert.deepEqual(check.tls, { serverName: "a", insecure: true });
    assert.deepEqual([check.path, check.expectedStatuses], ["/123", [204]]);
  });

  it("texts are those that the specification has, whatever they look like", () => {
    const texts = {
      "heye.io/health-check.type": "http",
      "heye.io/health-check.method": "GET",
      "heye.io/health-check.host": "12345",
      "heye.io/health-check.bodyRegex": "true",
      "heye.io/health-check.tls.serverName": "1e3",
    };
    const { check, problems } = declarationOf(texts);
    assert.deepEqual(problems, []);
    assert.ok(check?.type === "http");
    assert.deepEqual([check.host, check.bodyRegex, check.tls?.serverName], ["12345", "true", "1e3"]);
  });

  it("what only a Secret may hold comes from one, and is refused in an annotation without being repeated", () => {
    const named = { "heye.io/health-check": '{"type":"mysql"}', "heye.io/health-check-secret": "db" };
    assert.deepEqual(declarationOf(named), { problems: [] });
    const { check } = declarationOf(named, { user: "heye", password: "s3cret" });
    assert.ok(check?.type === "mysql");
    assert.deepEqual([check.user, check.password], ["heye", "s3cret"]);
    const leaks: Record<string, string>[] = [
      { "heye.io/health-check": '{"type":"mysql","user":"a","password":"s3cret"}' },
      { "heye.io/health-check": '{"type":"http","headers":{"x":"s3cret"}}' },
      { "heye.io/health-check": '{"type":"mysql","password":"s3cret"' },
      { "heye.io/health-check.type": "mysql", "heye.io/health-check.password": '"s3cret"' },
    ];
    for (const annotations of leaks) {
      const { problems } = declarationOf(annotations);
      assert.equal(problems.length, 1);
      assert.doesNotMatch(problems.join(), /s3cret/);
    }
  });

  it("what is wrong is said with the annotation's name", () => {
    const words = (annotations: Record<string, string>) => declarationOf(annotations).problems.join("\n");
    assert.equal(
      words({ ...V1, healthCheckType: "ping" }),
      'healthCheckType: expected one of http, tcp, mysql, found "ping"',
    );
    assert.equal(
      words({ calledSource: "" }),
      "healthCheckType: expected one of http, tcp, mysql, found nothing",
    );
    assert.match(words({ "heye.io/health-check": "[]" }), /^heye\.io\/health-check: expected a JSON object/);
    assert.match(
      words({ "heye.io/health-check": '{"type":"tcp","rise":0}' }),
      /^heye\.io\/health-check: rise: expected a whole number from 1 to 100/,
    );
    assert.match(
      words({ "heye.io/health-check.type": "tcp", "heye.io/health-check.rise": "many" }),
      /^heye\.io\/health-check\.rise: expected JSON/,
    );
  });
});
