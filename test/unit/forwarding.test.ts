import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { textFor } from "../../cli/realserver-config";
import { type ForwardingPath, forwardingPath } from "../../director";
import { checkForwarding } from "../../director/forwarding-check";
import { probeInput } from "../../director/forwarding-probe";
import { forwardingCommand } from "../../director/forwarding-script";
import { GateError } from "../../provider/errors";
import { healthCheck } from "../../spec";

const member = { address: "10.0.0.1", port: 80, weight: 0, forwarding: "dr" } as const;
const web = { protocol: "tcp", address: "192.0.2.1", port: 80 };
const http = healthCheck.parse({ type: "http", path: "/x" });

describe("who has gone and asked for many checks through the forwarding path", () => {
  it("has no more of them set up on the director", async () => {
    let count = 0;
    const setUp: (() => void)[] = [];
    const probe = async () => {
      count++;
      await new Promise<void>((resolve) => setUp.push(resolve));
      return { dial: () => Promise.reject(new Error("nobody is there")), close: async () => undefined };
    };
    const director = { probe };
    const gone = new AbortController();
    const paths = Array.from({ length: 20 }, () => forwardingPath(web, member, http));
    const isOne = (path: ForwardingPath | undefined) => path !== undefined;
    const asked = Promise.all(
      paths.filter(isOne).map((path) => checkForwarding(director, path, gone.signal)),
    );
    await setImmediate();
    const begun = count;
    assert.ok(begun > 0 && begun < paths.length, String(begun));
    gone.abort();
    for (const resolve of setUp) resolve();
    const verdicts = await asked;
    assert.equal(count, begun);
    assert.equal(verdicts.length, paths.length);
    assert.ok(verdicts.every(({ healthy }) => !healthy));
  });
});

describe("what is checked through the forwarding path", () => {
  it("is the health check itself, on the virtual address", () => {
    assert.deepEqual(forwardingPath(web, member, http), {
      address: "192.0.2.1",
      port: 80,
      member,
      check: http,
    });
  });

  it("is a handshake where the check goes to a port of its own", () => {
    const elsewhere = healthCheck.parse({ type: "http", port: 8080, timeoutMs: 123 });
    const path = forwardingPath(web, member, elsewhere);
    assert.deepEqual([path?.port, path?.check.type, path?.check.timeoutMs], [80, "tcp", 123]);
  });

  it("is the check's own port where the service is not tcp, or has every port", () => {
    const dns = healthCheck.parse({ type: "tcp", port: 53 });
    const udp = forwardingPath({ ...web, protocol: "udp", port: 53 }, { ...member, port: 53 }, dns);
    assert.deepEqual([udp?.port, udp?.check], [53, dns]);
    assert.equal(forwardingPath({ ...web, port: 0 }, { ...member, port: 0 }, dns)?.port, 53);
  });

  const nothing: [string, ReturnType<typeof forwardingPath>][] = [
    ["nat", forwardingPath(web, { ...member, forwarding: "nat" }, http)],
    ["no health check", forwardingPath(web, member, { type: "none" })],
    ["a firewall mark", forwardingPath({}, member, http)],
    [
      "forwardingCheck: false",
      forwardingPath(web, member, { ...http, forwardingCheck: false } as typeof http),
    ],
    ["no port at all", forwardingPath({ ...web, port: 0 }, { ...member, port: 0 }, http)],
  ];
  for (const [what, path] of nothing) it(`is nothing with ${what}`, () => assert.equal(path, undefined));

  it("is sent with the options that the director's own table has, and a weight", () => {
    const tunnel = { type: "gue", port: 6080, checksum: "remote" } as const;
    const path = forwardingPath(web, { ...member, forwarding: "tun", tunnel }, http);
    assert.ok(path);
    assert.deepEqual(probeInput(path, 20).split("\n"), [
      "20 192.0.2.1 80 10.0.0.1 tun",
      "-A -t 192.0.2.1:80 -s rr",
      "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
      "",
    ]);
  });

  it("is run by scripts that bash understands, and that fit between single quotes", () => {
    const parts = forwardingCommand("ops").split("'");
    assert.equal(parts.length, 7);
    assert.equal(parts[0], "sudo -n sh -c ");
    for (const script of [parts[1], parts[3], parts[5]]) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
      assert.deepEqual([status, stderr], [0, ""]);
    }
  });

  it("is told with what the server should be compared with, once", () => {
    const tunnel = { type: "gue", port: 6080, checksum: "none" } as const;
    const path = forwardingPath(web, { ...member, forwarding: "tun", tunnel }, http);
    const failure = (director: string) => ({
      director,
      server: "10.0.0.1:80",
      check: http,
      path,
      verdict: { healthy: false, answer: "no answer within 1000 ms", checks: 3 },
    });
    assert.deepEqual(
      new GateError([failure("a"), failure("b")], "Nothing was changed.").message.split("\n"),
      [
        "servers did not become healthy:",
        "  10.0.0.1:80 from director a: http HEAD /x on 192.0.2.1:80 by tun: no answer within 1000 ms (3 checks)",
        "  10.0.0.1:80 from director b: http HEAD /x on 192.0.2.1:80 by tun: no answer within 1000 ms (3 checks)",
        "  Asked by dr or tun: the server's own address has passed. See what it needs, in a clone: " +
          "`npm run heye -- realserver-config --address 192.0.2.1 --forwarding tun --tunnel gue --tunnel-port 6080 --tunnel-checksum none`.",
        "Nothing was changed.",
      ],
    );
  });

  it("is told with a command that can be run as it is, where a tunnel needs the server's own address", () => {
    const tunnel = { type: "gre", checksum: "normal" } as const;
    const path = forwardingPath(web, { ...member, forwarding: "tun", tunnel }, http);
    const verdict = { healthy: false, answer: "no answer", checks: 1 };
    const { message } = new GateError(
      [{ director: "a", server: "10.0.0.1:80", check: http, path, verdict }],
      "",
    );
    const [, argv = ""] = /`npm run heye -- realserver-config (.*)`/.exec(message) ?? [];
    assert.match(textFor(argv.split(" ")), /^ip link add heye-gre type gre local 10\.0\.0\.1 icsum$/m);
  });
});
