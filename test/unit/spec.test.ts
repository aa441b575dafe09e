import assert from "node:assert/strict";
import * as fc from "fast-check";
import { serviceKey } from "../../ipvs";
import {
  canonicalAddress,
  cluster,
  clusterProblems,
  endpoint,
  formatPath,
  healthCheck,
  type Problem,
  parse,
  parseVirtualServer,
  virtualServerKey,
} from "../../spec";
import { always } from "./property";

const UNKNOWN = "<unknown>";
const isUnknown = (value: unknown) => value === UNKNOWN;
const texts = (problems: readonly Problem[]) =>
  problems.map(({ path, reason }) => `${formatPath(path)}: ${reason}`);

describe("addresses", () => {
  const spellings: [string, string | undefined][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::1", "::1"],
    ["::ffff:192.0.2.1", undefined],
    ["::192.0.2.1", undefined],
    ["fe80::1%eth0", undefined],
    ["127.1", undefined],
    ["010.0.0.1", undefined],
    ["192.0.2.1/24", undefined],
    ["example.com", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of spellings) {
    it(`${JSON.stringify(text)} is ${expected ?? "refused"}`, () =>
      assert.equal(canonicalAddress(text), expected));
  }

  it("has one spelling for one address", () => {
    always(
      fc.property(fc.ipV6(), (text) => {
        const once = canonicalAddress(text);
        fc.pre(once !== undefined);
        assert.equal(canonicalAddress(once), once);
        assert.equal(canonicalAddress(once.toUpperCase()), once);
      }),
    );
  });

  it("agrees with the kernel table on identities", () => {
    for (const address of ["192.0.2.1", "2001:db8::1"]) {
      const identity = { protocol: "tcp", address, port: 80 } as const;
      assert.equal(virtualServerKey(identity), serviceKey(identity));
    }
    assert.equal(endpoint("2001:db8::1", 80), "[2001:db8::1]:80");
  });
});

describe("virtual server", () => {
  it("fills in every default", () => {
    const { value, problems } = parseVirtualServer({
      address: "192.0.2.1",
      port: 80,
      realServers: [{ address: "10.0.0.1" }],
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(value, {
      protocol: "tcp",
      address: "192.0.2.1",
      port: 80,
      scheduler: "wlc",
      healthCheck: { type: "tcp", intervalMs: 1000, timeoutMs: 1000, rise: 2, deadlineMs: 30_000 },
      realServers: [{ address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat" }],
    });
  });

  it("lets udp servers in unchecked unless told otherwise", () => {
    assert.deepEqual(
      parseVirtualServer({ protocol: "udp", address: "192.0.2.1", port: 53 }).value.healthCheck,
      { type: "none" },
    );
  });

  it("brings order and spelling into one form", () => {
    const one = parseVirtualServer({
      address: "2001:DB8::1",
      port: 80,
      realServers: [{ address: "fd00::10" }, { address: "FD00:0::2" }],
    });
    const other = parseVirtualServer({
      address: "2001:db8::1",
      port: 80,
      realServers: [{ address: "fd00::2", port: 80 }, { address: "fd00::10" }],
    });
    assert.deepEqual(one.problems, []);
    assert.deepEqual(one.value, other.value);
    assert.deepEqual(
      one.value.realServers?.map(({ address }) => address),
      ["fd00::2", "fd00::10"],
    );
  });

  it("names every problem at once, with its path", () => {
    const { problems } = parseVirtualServer({
      protocol: "icmp",
      address: "192.0.2.300",
      port: 70_000,
      scheduler: "best",
      typo: 1,
      healthCheck: { type: "http", path: "health", rise: 0 },
      realServers: [
        { address: "10.0.0.1", weight: -1 },
        { address: "10.0.0.2", forwarding: "magic", weigth: 2 },
      ],
    });
    assert.deepEqual(texts(problems), [
      'protocol: expected one of tcp, udp, found "icmp"',
      'address: expected an IPv4 or IPv6 address, found "192.0.2.300"',
      "port: expected a whole number from 1 to 65535, found 70000",
      'scheduler: expected one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, found "best"',
      'healthCheck.path: expected a path that starts with /, found "health"',
      "healthCheck.rise: expected a whole number from 1 to 100, found 0",
      "realServers[0].weight: expected a whole number from 0 to 65535, found -1",
      'realServers[1].forwarding: expected one of nat, dr, tun, found "magic"',
      "realServers[1].weigth: no such property; expected address, port, weight, forwarding",
      "typo: no such property; expected protocol, address, port, scheduler, healthCheck, realServers",
    ]);
  });

  it("says what is missing", () => {
    assert.deepEqual(texts(parseVirtualServer({}).problems), [
      "address: expected an IPv4 or IPv6 address, found nothing",
      "port: expected a whole number from 1 to 65535, found nothing",
    ]);
  });

  it("refuses what IPVS cannot do", () => {
    const { problems } = parseVirtualServer({
      address: "192.0.2.1",
      port: 80,
      realServers: [
        { address: "10.0.0.1", port: 8080, forwarding: "dr" },
        { address: "fd00::1", forwarding: "nat" },
        { address: "10.0.0.2" },
        { address: "10.0.0.2", port: 80 },
      ],
    });
    assert.deepEqual(
      problems.map(({ path }) => formatPath(path)),
      ["realServers[0].port", "realServers[1].address", "realServers[3]"],
    );
    assert.match(
      problems[0]?.reason ?? "",
      /expected the virtual server's port 80, found 8080.*only nat can change a port/,
    );
    assert.match(problems[1]?.reason ?? "", /expected an ipv4 address/);
    assert.match(problems[2]?.reason ?? "", /10\.0\.0\.2:80 is realServers\[2\] too/);
  });

  it("passes over what is not known yet, and still checks the rest", () => {
    const { value, problems } = parseVirtualServer(
      {
        address: UNKNOWN,
        port: 0,
        healthCheck: { type: UNKNOWN },
        realServers: [UNKNOWN, { address: UNKNOWN, weight: 1.5 }],
      },
      isUnknown,
    );
    assert.deepEqual(texts(problems), [
      "port: expected a whole number from 1 to 65535, found 0",
      "realServers[1].weight: expected a whole number from 0 to 65535, found 1.5",
    ]);
    assert.equal(value.address, UNKNOWN);
    assert.equal(
      parseVirtualServer({ address: "192.0.2.1", port: 80, realServers: UNKNOWN }, isUnknown).value
        .realServers as unknown,
      UNKNOWN,
    );
  });

  it("never throws, whatever it is given", () => {
    always(
      fc.property(fc.anything(), (input) => {
        const { problems } = parseVirtualServer(input);
        assert.ok(Array.isArray(problems));
      }),
    );
    always(
      fc.property(
        fc.record({ address: fc.anything(), port: fc.anything(), realServers: fc.anything() }),
        (input) => {
          assert.ok(Array.isArray(parseVirtualServer(input).problems));
        },
      ),
    );
  });
});

describe("health check", () => {
  it("never repeats a secret in an error", () => {
    const { problems } = parse(healthCheck, { type: "mysql", user: "a", password: { planted: "s3cret" } });
    assert.deepEqual(texts(problems), ["password: expected a password as text"]);
  });

  it("names the kinds there are", () => {
    const { problems } = parse(healthCheck, { type: "ping" });
    assert.deepEqual(texts(problems), [
      'type: expected type to be one of http, tcp, mysql, none, found "ping"',
    ]);
  });
});

describe("cluster", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJkFCMYAKBkYfXWTbRYIsFfaGPtj5jnIXMKbhvlCRNN";

  it("refuses hosts without a host key or a login, and names used twice", () => {
    const { value } = parse(cluster, {
      directors: [
        { name: "a", connection: { privateKey: "k" } },
        { name: "a", connection: { hostKey: key } },
      ],
    });
    const found = clusterProblems(value, isUnknown);
    assert.deepEqual(
      found.map(({ path }) => formatPath(path)),
      ["directors[0].connection.hostKey", "directors[1].name", "directors[1].connection"],
    );
    assert.match(found[0]?.reason ?? "", /ssh-keyscan/);
  });

  it("takes what a director leaves out from the cluster", () => {
    const { value, problems } = parse(cluster, {
      connection: { privateKey: "k", hostKey: key },
      directors: [{ name: "a" }],
    });
    assert.deepEqual([problems, clusterProblems(value, isUnknown)], [[], []]);
  });

  it("refuses one host under two names", () => {
    const { value } = parse(cluster, {
      connection: { privateKey: "k", hostKey: key },
      directors: [
        { name: "a", connection: { host: "10.0.0.1" } },
        { name: "b", connection: { host: "10.0.0.1", port: 22 } },
        { name: "c" },
      ],
    });
    assert.deepEqual(texts(clusterProblems(value, isUnknown)), [
      "directors[1].connection: expected each host once, but directors[0] is 10.0.0.1 port 22 too",
    ]);
  });

  it("has 1 to 254 directors", () => {
    const many = Array.from({ length: 255 }, (_, index) => ({ name: `d${index}` }));
    assert.deepEqual(texts(parse(cluster, { directors: [] }).problems), [
      "directors: expected at least one director, found 0",
    ]);
    assert.deepEqual(texts(parse(cluster, { directors: many }).problems), [
      "directors: expected at most 254 directors, found 255",
    ]);
  });

  it("looks after a bastion as after a director", () => {
    const { value } = parse(cluster, {
      connection: { privateKey: "k", hostKey: key, proxy: { host: "bastion" } },
      directors: [{ name: "a" }],
    });
    assert.deepEqual(
      clusterProblems(value, isUnknown).map(({ path }) => formatPath(path)),
      ["directors[0].connection.proxy.hostKey", "directors[0].connection.proxy"],
    );
  });
});
