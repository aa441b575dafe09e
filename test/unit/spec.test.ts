import assert from "node:assert/strict";
import * as http from "node:http";
import { PassThrough } from "node:stream";
import * as fc from "fast-check";
import { serviceKey } from "../../ipvs";
import {
  CHECK_TYPES,
  canonicalAddress,
  cluster,
  clusterProblems,
  endpoint,
  formatPath,
  healthCheck,
  joinCredentials,
  type Problem,
  parse,
  parseVirtualServer,
  splitCredentials,
  virtualServerKey,
} from "../../spec";
import { authority, issue } from "./certificates";
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
      healthCheck: { type: "tcp", intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2, deadlineMs: 30_000 },
      realServers: [{ address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat", drainMs: 30_000 }],
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

  it("says nothing of the flags of a scheduler that is none", () => {
    const { problems } = parseVirtualServer({
      ...{ address: "192.0.2.1", port: 80, realServers: [] },
      ...{ scheduler: {}, schedulerFlags: ["sh-port"] },
    });
    assert.deepEqual(
      problems.map(({ path }) => path),
      [["scheduler"]],
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
      'protocol: expected one of tcp, udp, sctp, found "icmp"',
      'address: expected an IPv4 or IPv6 address, found "192.0.2.300"',
      "port: expected a whole number from 0 to 65535, found 70000",
      'scheduler: expected one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, found "best"',
      'healthCheck.path: expected a path that starts with /, found "health"',
      "healthCheck.rise: expected a whole number from 1 to 100, found 0",
      "realServers[0].weight: expected a whole number from 0 to 65535, found -1",
      'realServers[1].forwarding: expected one of nat, dr, tun, found "magic"',
      "realServers[1].weigth: no such property; expected address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold, drainMs, healthCheck",
      "typo: no such property; expected protocol, address, port, fwmark, family, scheduler, schedulerFlags, persistence, onePacket, quorum, sorryServer, onUnhealthy, failOpenPercent, healthCheck, adopt, realServers",
    ]);
  });

  it("says what is missing", () => {
    assert.deepEqual(texts(parseVirtualServer({}).problems), [
      "address: expected an IPv4 or IPv6 address (or a fwmark instead), found nothing",
      "port: expected a whole number from 0 to 65535 (or a fwmark instead), found nothing",
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
      "realServers[1].weight: expected a whole number from 0 to 65535, found 1.5",
      "port: expected a port from 1 to 65535, found 0: every port needs persistence, so that a client's connections reach one server",
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

describe("addresses of no single host", () => {
  const reasonFor = (field: "virtual" | "real", address: string) => {
    const server = { address: field === "virtual" ? address : "192.0.2.1", port: 80 };
    const real = { address, forwarding: "tun" };
    const { problems } = parseVirtualServer(field === "real" ? { ...server, realServers: [real] } : server);
    return problems.map(({ reason }) => reason).join("; ");
  };
  const refused: [string, string][] = [
    ["0.0.0.0", "it belongs to no host|never on the wire"],
    ["::", "it belongs to no host|never on the wire"],
    ["255.255.255.255", "a whole network"],
    ["224.0.0.1", "a group"],
    ["ff02::1", "a group"],
    ["127.0.0.2", "never leave the director|never come from another host"],
    ["::1", "never leave the director|never come from another host"],
  ];
  for (const [address, reason] of refused) {
    it(`${address} is neither a virtual address nor a server's`, () => {
      assert.match(reasonFor("virtual", address), new RegExp(`found ${address}: .*(${reason})`));
      assert.match(reasonFor("real", address), new RegExp(`found ${address}: .*(${reason})`));
    });
  }

  it("a link-local IPv6 address is not a server's", () => {
    assert.match(reasonFor("real", "fe80::1"), /needs an interface/);
    assert.equal(reasonFor("real", "169.254.1.1"), "");
  });
});

describe("health check", () => {
  it("takes in paths and hosts nothing that a request cannot carry", () => {
    const paths = (check: object) =>
      parse(healthCheck, { type: "http", ...check }).problems.map(({ path }) => formatPath(path));
    for (const bad of ["/a b", "/\u00e9", "/\u{1f600}", "/a\tb", "/\u0000"]) {
      assert.deepEqual(paths({ path: bad, host: bad }), ["path", "host"], JSON.stringify(bad));
    }
    always(
      fc.property(
        fc.string({ unit: "binary-ascii", maxLength: 2 }),
        fc.string({ maxLength: 2 }),
        (tail, host) => {
          const check = { path: `/${tail}`, host };
          fc.pre(paths(check).length === 0);
          const request = http.request({
            ...check,
            headers: { host },
            createConnection: () => new PassThrough() as never,
          });
          request.on("error", () => undefined);
          request.destroy();
        },
      ),
    );
  });

  it("must be able to end before its deadline", () => {
    const problems = (check: object) =>
      texts(
        parseVirtualServer(
          { address: "192.0.2.1", port: 80, healthCheck: { type: "tcp", ...check } },
          isUnknown,
        ).problems,
      );
    assert.deepEqual(problems({ rise: 4, intervalMs: 1_000, deadlineMs: 3_001 }), []);
    assert.deepEqual(problems({ rise: 4, intervalMs: 1_000, deadlineMs: 3_000 }), [
      "healthCheck.rise: expected 4 checks, 1000 ms apart, to end before deadlineMs, found that they take 3000 of 3000 ms: lower rise or intervalMs, or raise deadlineMs",
    ]);
    assert.deepEqual(problems({ rise: 100, intervalMs: UNKNOWN }), []);
  });

  it("never repeats a secret in an error", () => {
    const { problems } = parse(healthCheck, { type: "mysql", user: "a", password: { planted: "s3cret" } });
    assert.deepEqual(texts(problems), ["password: expected a password as text"]);
  });

  it("names the kinds there are", () => {
    const { problems } = parse(healthCheck, { type: "ping" });
    assert.deepEqual(texts(problems), [
      `type: expected type to be one of ${[...CHECK_TYPES, "none"].join(", ")}, found "ping"`,
    ]);
  });
});

describe("a secret in the wrong place", () => {
  it("is not repeated where an object or a list belongs, nor where it is long", () => {
    const planted = "s3cret";
    const long = `-----BEGIN KEY-----\n${planted}\n`;
    const given = {
      connection: planted,
      directors: [planted, { name: "a", connection: { proxy: planted } }],
    };
    const server = { address: planted.repeat(20), port: long, healthCheck: planted, realServers: planted };
    const problems = [
      ...parse(cluster, given).problems,
      ...parse(cluster, { directors: planted }).problems,
      ...parse(cluster, { directors: [{ name: "a", connection: { hostKey: planted, user: long } }] })
        .problems,
      ...parseVirtualServer(server).problems,
    ];
    assert.equal(problems.length, 10);
    assert.doesNotMatch(texts(problems).join("\n"), new RegExp(planted));
  });

  it("is called by its kind, in words of ours", () => {
    assert.deepEqual(texts(parse(cluster, { directors: [null, "x"], connection: [] }).problems), [
      "connection: expected an object, found a list of 0",
      "directors[0]: expected an object, found null",
      "directors[1]: expected an object, found text",
    ]);
    assert.deepEqual(texts(parse(cluster, null).problems), [": expected an object, found null"]);
    assert.deepEqual(texts(parse(cluster, { directors: "x" }).problems), [
      "directors: expected a list of directors, found text",
    ]);
  });
});

describe("cluster", () => {
  it("never throws, whatever it is given", () => {
    const anything = fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true });
    const connection = fc.oneof(
      anything,
      fc.record(
        { host: anything, port: anything, hostKey: anything, password: anything, proxy: anything },
        { requiredKeys: [] },
      ),
    );
    const director = fc.oneof(anything, fc.record({ name: anything, connection }, { requiredKeys: [] }));
    const etcd = fc.oneof(
      anything,
      fc.record(
        {
          endpoints: fc.oneof(anything, fc.array(anything)),
          tls: fc.oneof(anything, fc.record({ cert: anything, key: anything }, { requiredKeys: [] })),
          auth: fc.oneof(anything, fc.record({ user: anything, password: anything }, { requiredKeys: [] })),
        },
        { requiredKeys: [] },
      ),
    );
    const whole = fc.oneof(
      anything,
      fc.record(
        { connection, directors: fc.oneof(anything, fc.array(director)), etcd },
        { requiredKeys: [] },
      ),
    );
    const credentials = fc.oneof(
      anything,
      fc.record(
        { connection, directors: fc.oneof(anything, fc.array(connection)), etcd },
        { requiredKeys: [] },
      ),
    );
    always(
      fc.property(whole, credentials, (input, secrets) => {
        const { value } = parse(cluster, input);
        assert.ok(Array.isArray(clusterProblems(value, isUnknown)));
        assert.ok(Array.isArray(clusterProblems(input as never, isUnknown)));
        const { open, credentials: own } = splitCredentials(input as never);
        joinCredentials(open, own);
        joinCredentials(input as never, secrets as never);
      }),
      { numRuns: 500 },
    );
  });

  it("takes a text in place of a connection for a secret, and puts it back", () => {
    const given = {
      connection: "pw",
      directors: [{ name: "a", connection: { proxy: "pw" } }, { name: "b", connection: "pw" }, null],
      etcd: { tls: "pw", auth: { user: "u", password: "pw" } },
    };
    const { open, credentials } = splitCredentials(given as never);
    const directors = [{ name: "a", connection: {} }, { name: "b" }, null];
    assert.deepEqual(open, { directors, etcd: { auth: { user: "u" } } });
    assert.deepEqual(joinCredentials(open, credentials), given);
    const whole = splitCredentials({ directors: [], etcd: "pw" } as never);
    assert.deepEqual(whole, { open: { directors: [] }, credentials: { directors: [], etcd: "pw" } });
    assert.deepEqual(joinCredentials(whole.open, whole.credentials), { directors: [], etcd: "pw" });
  });

  describe("etcd", () => {
    const OPEN = { host: "h", hostKey: undefined, insecureIgnoreHostKey: true, password: "x" };
    const all = (etcd: unknown, more: object = { mode: "agent" }) => {
      const { value, problems } = parse(
        cluster,
        { directors: [{ name: "a", connection: OPEN }], etcd, ...more },
        isUnknown,
      );
      return texts([...problems, ...clusterProblems(value, isUnknown)]);
    };
    const endpoints = ["https://10.0.0.5:2379", "https://[2001:db8::5]:2379", "https://etcd.example:2379"];

    it("takes endpoints, TLS, a login and a prefix", () => {
      assert.deepEqual(all({ endpoints }), []);
      assert.deepEqual(all({ endpoints, auth: { user: "u", password: "p" }, prefix: "/heye/edge-1" }), []);
      assert.deepEqual(all({ endpoints: [UNKNOWN], tls: { cert: UNKNOWN, key: UNKNOWN } }), []);
    });

    it("says what is wrong with it, and shows no secret", () => {
      assert.deepEqual(all({ endpoints: [], prefix: "heye" }), [
        "etcd.endpoints: expected at least one endpoint, found 0",
        'etcd.prefix: expected a prefix such as /heye/edge: parts of letters, digits, dots, dashes and underscores, each after a slash, found "heye"',
      ]);
      assert.deepEqual(all({ endpoints: ["10.0.0.5:2379", "https://u:pw@10.0.0.5:2379"] }), [
        'etcd.endpoints[0]: expected https://HOST:PORT or http://HOST:PORT, and nothing after the port, found "10.0.0.5:2379"',
        "etcd.endpoints[1]: expected https://HOST:PORT or http://HOST:PORT, and nothing after the port, found text of 26 characters",
      ]);
      const unsafe = { endpoints: ["http://10.0.0.5:2379"], tls: { key: "k" }, auth: { user: "u" } };
      assert.deepEqual(all(unsafe), [
        "etcd.tls.cert: expected the private key's certificate",
        "etcd.endpoints: expected https endpoints alone, since tls is set: to an http one everything is said in clear",
        "etcd.auth.password: expected the user's password",
      ]);
    });

    it("is refused without agents, and with waves", () => {
      assert.deepEqual(all({ endpoints }, { mode: "ssh", rollout: { canary: 1 } }), [
        'etcd: expected no etcd without `mode: "agent"`: nothing would use it',
        "rollout: expected no rollout with etcd: all directors take a change up as soon as it is there, so none could go before the others, and none may fail",
      ]);
    });
  });

  describe("api", () => {
    const OPEN = { host: "h", hostKey: undefined, insecureIgnoreHostKey: true, password: "x" };
    const all = (api: unknown, mode = "agent") => {
      const given = { directors: [{ name: "a", connection: OPEN }], api, mode };
      const { value, problems } = parse(cluster, given, isUnknown);
      return texts([...problems, ...clusterProblems(value, isUnknown)]);
    };

    it("takes a place, a certificate with its key, an authority and names", async () => {
      const ca = await authority("clients");
      const own = await issue({ names: ["d1.example"] }, ca);
      const tls = { ca: ca.cert, ...own };
      for (const listen of ["0.0.0.0:9443", "[::]:9443", "10.1.1.2:1"])
        assert.deepEqual(all({ listen, tls, readOnly: ["monitor"] }), []);
      assert.deepEqual(
        all({ listen: UNKNOWN, tls: { ca: UNKNOWN, cert: UNKNOWN, key: UNKNOWN }, readWrite: UNKNOWN }),
        [],
      );
      const other = await issue({ names: ["d2.example"] }, ca);
      assert.deepEqual(all({ listen: "lb1:9443", tls: { ...tls, key: other.key } }), [
        'api.listen: expected an address and a port, such as 10.1.1.2:9443, 0.0.0.0:9443 or [::]:9443, found "lb1:9443"',
        "api.tls.key: expected the private key of the certificate, in PEM format, without a passphrase, found another text",
        "api.readWrite: expected a name in readOnly or readWrite: else nobody could use it",
      ]);
      const { key: _, ...keyless } = tls;
      assert.deepEqual(all({ listen: "0.0.0.0:9443", tls: keyless, readWrite: ["a"] }, "ssh"), [
        'api: expected no api without `mode: "agent"`: nothing would serve it',
        "api.tls.key: expected the certificate's private key",
      ]);
    });
  });

  describe("host key", () => {
    const problem = (hostKey: unknown) => {
      const { problems } = parse(cluster, { directors: [{ name: "a", connection: { hostKey } }] });
      return problems.map(({ reason }) => reason).join("; ");
    };
    const blob = (...parts: (string | Buffer)[]) =>
      Buffer.concat(
        parts.flatMap((part) => {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(part.length);
          return [length, Buffer.from(part)];
        }),
      ).toString("base64");
    const ecdsa = blob("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4));

    it("of a kind that can be verified is taken", () => {
      assert.equal(problem(`${key} root@lb1`), "");
      assert.equal(problem(`ecdsa-sha2-nistp256 ${ecdsa}`), "");
      assert.equal(problem(`ssh-rsa ${blob("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.alloc(257, 1))}`), "");
      assert.equal(problem(`SHA256:${"A".repeat(43)}`), "");
    });

    it("of another kind, cut off, or under another name is refused", () => {
      const token = blob("sk-ssh-ed25519@openssh.com", Buffer.alloc(32), "ssh:");
      assert.match(
        problem(`sk-ssh-ed25519@openssh.com ${token}`),
        /found sk-ssh-ed25519@openssh\.com, which cannot be verified/,
      );
      assert.match(
        problem(`ssh-dss ${blob("ssh-dss", "p", "q", "g", "y")}`),
        /found ssh-dss, which cannot be verified/,
      );
      assert.match(problem(key.slice(0, -8)), /expected the whole ssh-ed25519 key/);
      assert.match(problem(`ssh-rsa ${key.split(" ")[1]}`), /found a key of another kind/);
      assert.match(problem(`ssh-ed25519 ${ecdsa}`), /found a key of another kind/);
      assert.match(problem("ssh-ed25519 AAAA"), /expected the whole/);
      assert.match(problem(`lb1 ${key}`), /expected a public host key/);
    });
  });

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
