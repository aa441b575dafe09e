import assert from "node:assert/strict";
import * as fc from "fast-check";
import { runsCheckers, steadySkewMs, stepWarnings } from "../../director/capabilities";
import { SettingConflictError, SettingMissingError } from "../../director/errors";
import { planSettings, type SettingsWish } from "../../director/settings-plan";
import {
  EMPTY_SETTINGS,
  parseSettings,
  renderSettings,
  type SettingsRecord,
  sysctlOfPath,
  sysctlPath,
} from "../../director/settings-record";
import {
  cluster,
  clusterProblems,
  clusterWarnings,
  formatPath,
  kernelValues,
  parse,
  placedMemberWarnings,
  placedWarnings,
} from "../../spec";
import { always } from "./property";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const OTHER = { id: "other-1", label: "bank/prod Cluster core" };
const wish = (values: Record<string, string>): SettingsWish => ({ modules: [], values });

/** A kernel that takes what it is told, and the record beside it. */
class Kernel {
  record: SettingsRecord = EMPTY_SETTINGS;
  constructor(public values: Record<string, string>) {}

  settle(actor: typeof ME, wanted: SettingsWish | undefined): void {
    const plan = planSettings("d1", this.record, this.values, actor, wanted);
    for (const [name, value] of plan.edits) this.values = { ...this.values, [name]: value };
    this.record = parseSettings(renderSettings(plan.after)) ?? assert.fail("unreadable");
  }

  /** Ends after the first edits, as a director that loses its power. */
  crash(actor: typeof ME, wanted: SettingsWish | undefined, edits: number): void {
    const plan = planSettings("d1", this.record, this.values, actor, wanted);
    for (const [name, value] of plan.edits.slice(0, edits)) this.values = { ...this.values, [name]: value };
    this.record = parseSettings(renderSettings(plan.during)) ?? assert.fail("unreadable");
  }
}

describe("the plan of settings", () => {
  it("goes back to what was there when the last owner of a value leaves", () => {
    const kernel = new Kernel({ a: "0", b: "7" });
    kernel.settle(ME, wish({ a: "1" }));
    kernel.settle(OTHER, wish({ a: "1", b: "8" }));
    kernel.settle(ME, undefined);
    assert.deepEqual(kernel.values, { a: "1", b: "8" });
    kernel.settle(OTHER, undefined);
    assert.deepEqual([kernel.values, kernel.record], [{ a: "0", b: "7" }, EMPTY_SETTINGS]);
  });

  it("remembers the first value through changes of its own", () => {
    const kernel = new Kernel({ a: "0" });
    kernel.settle(ME, wish({ a: "1" }));
    kernel.settle(ME, wish({ a: "2" }));
    kernel.settle(ME, wish({}));
    assert.deepEqual([kernel.values, kernel.record], [{ a: "0" }, EMPTY_SETTINGS]);
  });

  it("leaves what somebody else has changed since", () => {
    const kernel = new Kernel({ a: "0" });
    kernel.settle(ME, wish({ a: "1" }));
    kernel.values = { a: "5" };
    kernel.settle(ME, undefined);
    assert.deepEqual(kernel.values, { a: "5" });
  });

  it("names the other owner of another value, and what the kernel lacks", () => {
    const kernel = new Kernel({ a: "0" });
    kernel.settle(OTHER, wish({ a: "1" }));
    assert.throws(
      () => kernel.settle(ME, wish({ a: "2" })),
      (error) => error instanceof SettingConflictError && error.message.includes(OTHER.label),
    );
    assert.throws(() => kernel.settle(ME, wish({ c: "2" })), SettingMissingError);
  });

  it("switches forwarding first, which resets others", () => {
    const current = { "net.ipv4.conf.all.rp_filter": "1", "net.ipv4.ip_forward": "0" };
    const values = { "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.ip_forward": "1" };
    const { edits } = planSettings("d1", EMPTY_SETTINGS, current, ME, wish(values));
    assert.deepEqual(
      edits.map(([name]) => name),
      ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter"],
    );
  });

  it("names what a killed run has left of a cluster of the same name, and where that is said", () => {
    const kernel = new Kernel({ a: "0" });
    kernel.settle(ME, wish({ a: "1" }));
    const again = { ...ME, id: `${ME.id}-again` };
    kernel.settle(again, wish({ a: "1" }));
    assert.throws(
      () => kernel.settle(again, wish({ a: "2" })),
      /own name: an `up` that was killed .*owner who is gone/,
    );
    assert.throws(
      () => kernel.settle(OTHER, wish({ a: "2" })),
      (error: Error) => !/own name/.test(error.message),
    );
  });

  it("ends as if nothing had happened, whoever comes and goes, and wherever it crashes", () => {
    const someValues = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("0", "1"));
    const step = fc.record({
      actor: fc.constantFrom(ME, OTHER),
      values: fc.option(someValues, { nil: undefined }),
      crashAfter: fc.option(fc.nat(3), { nil: undefined }),
    });
    always(
      fc.property(fc.array(step), (steps) => {
        const start = { a: "0", b: "1", c: "5" };
        const kernel = new Kernel(start);
        for (const { actor, values, crashAfter } of steps) {
          try {
            if (crashAfter !== undefined) kernel.crash(actor, values && wish(values), crashAfter);
            kernel.settle(actor, values && wish(values));
            for (const [name, value] of Object.entries(values ?? {}))
              assert.equal(kernel.values[name], value);
          } catch (error) {
            if (!(error instanceof SettingConflictError)) throw error;
          }
        }
        for (const actor of [ME, OTHER]) kernel.settle(actor, undefined);
        assert.deepEqual([kernel.values, kernel.record], [start, EMPTY_SETTINGS]);
      }),
    );
  });
});

describe("the record of settings", () => {
  it("is read back as it was written, and says the same in lines for a shell", () => {
    const record: SettingsRecord = {
      format: 1,
      owners: {
        "a-1": {
          label: "a",
          boot: true,
          modules: ["ip_vs_mh"],
          values: { "net.ipv4.ip_forward": "1", "ipvs timeout udp": "60" },
        },
        "b-1": { label: "b", modules: [], values: { "net.ipv4.conf.eth0/5.rp_filter": "2" } },
      },
      before: { "net.ipv4.ip_forward": "0" },
    };
    const text = renderSettings(record);
    assert.deepEqual(parseSettings(text), record);
    assert.deepEqual(text.split("\n").slice(1), [
      "sysctl boot net/ipv4/ip_forward 1",
      "sysctl - net/ipv4/conf/eth0.5/rp_filter 2",
      "timeouts boot 0 0 60",
      "entries boot a-1",
      "",
    ]);
    assert.equal(renderSettings(EMPTY_SETTINGS), "");
  });

  it("of another format is none", () => {
    for (const text of [
      "{}\n",
      '{"format":2,"owners":{},"before":{}}\n',
      "nonsense",
      '{"format":1,"owners":{"a":1},"before":{}}',
    ])
      assert.equal(parseSettings(text), undefined, text);
  });

  it("knows the paths of sysctls with dots in a part", () => {
    assert.equal(sysctlPath("net.ipv4.conf.eth0/5.rp_filter"), "net/ipv4/conf/eth0.5/rp_filter");
    assert.equal(sysctlOfPath("net/ipv4/conf/eth0.5/rp_filter"), "net.ipv4.conf.eth0/5.rp_filter");
  });
});

describe("declared settings", () => {
  const directors = [{ name: "a", connection: { hostKey: "SHA256:x", password: "p" } }];
  const problemsOf = (properties: object) => {
    const { value, problems } = parse(cluster, { directors, ...properties }, (one) => one === "UNKNOWN");
    return [...problems, ...clusterProblems(value, (one) => one === "UNKNOWN")]
      .filter(({ path }) => path[0] !== "directors")
      .map(({ path, reason }) => `${formatPath(path)}: ${reason}`);
  };

  it("stand for sysctls of both families and for timeouts", () => {
    assert.deepEqual(
      kernelValues({
        settings: {
          ipForward: true,
          sloppyTcp: false,
          connReuseMode: 2,
          sysctls: { "net.ipv4.tcp_rmem": "4096  1 2" },
        },
        timeouts: { udpS: 60 },
      }),
      {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
        "net.ipv4.vs.sloppy_tcp": "0",
        "net.ipv4.vs.conn_reuse_mode": "2",
        "net.ipv4.tcp_rmem": "4096 1 2",
        "ipvs timeout udp": "60",
      },
    );
  });

  it("are refused with their paths, all at once, and pass while they are not known", () => {
    const found = problemsOf({
      settings: {
        modules: ["ip_vs_mh", "a b"],
        conntrack: 1,
        connReuseMode: 3,
        sysctls: { "kernel.core_pattern": "|/x", "net.ipv4.vs.drop_entry": 1, "net.core.somaxconn": "1\n2" },
      },
      timeouts: { tcpS: 0, tcpFinS: 2_147_484, udpS: 2_147_483 },
      rollout: { waveSize: 0 },
      coexist: ["ipvsd"],
      unreachable: "ignore",
      addresses: "eth0",
    });
    assert.deepEqual(
      found.map((text) => text.split(":")[0]),
      [
        "settings.modules[1]",
        "settings.conntrack",
        "settings.connReuseMode",
        'settings.sysctls["kernel.core_pattern"]',
        'settings.sysctls["net.ipv4.vs.drop_entry"]',
        'settings.sysctls["net.core.somaxconn"]',
        "timeouts.tcpS",
        // Kernels of 1,000 jiffies a second refuse it: their timeouts are ints of jiffies.
        "timeouts.tcpFinS",
        "addresses",
        "coexist[0]",
        "rollout.waveSize",
        "unreachable",
      ],
    );
    const unknown = {
      settings: { conntrack: "UNKNOWN", sysctls: { "net.core.somaxconn": "UNKNOWN" } },
      timeouts: "UNKNOWN",
    };
    assert.deepEqual(problemsOf(unknown), []);
  });

  it("never lead out of /proc/sys/net", () => {
    for (const name of [
      "net",
      "net.",
      "net./.x",
      "net.//.x",
      "net/../kernel.x",
      "net.a..b",
      "net.ipv4 x",
      "vm.swappiness",
      "net.a\n",
    ])
      assert.equal(problemsOf({ settings: { sysctls: { [name]: "1" } } }).length, 1, JSON.stringify(name));
  });

  it("that say the same thing twice are refused", () => {
    assert.match(
      problemsOf({ settings: { conntrack: true, sysctls: { "net.ipv4.vs.conntrack": "1" } } })[0] ?? "",
      /^settings\.sysctls\["net\.ipv4\.vs\.conntrack"\]: expected it once, found settings\.conntrack too/,
    );
    // One variable of the kernel under two names.
    const all = "net.ipv4.conf.all.forwarding";
    const [named, ...more] = problemsOf({ settings: { ipForward: true, sysctls: { [all]: "0" } } });
    assert.match(named ?? "", /all\.forwarding"\]: expected it once, found settings\.ipForward too/);
    const both = problemsOf({ settings: { sysctls: { "net.ipv4.ip_forward": "1", [all]: "0" } } });
    assert.match(
      both.join(),
      /^settings\.sysctls\["net\.ipv4\.conf\.all\.forwarding"\]: expected it once, found sysctl net/,
    );
    assert.deepEqual([more, problemsOf({ settings: { sysctls: { [all]: "0" } } })], [[], []]);
  });
});

describe("lint of clusters", () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `d${index}` }));
  const all = {
    sloppyTcp: true,
    sloppySctp: true,
    scheduleIcmp: true,
    conntrack: true,
    expireNodestConn: true,
    expireQuiescentTemplate: true,
  };

  it("says nothing of combinations that keep connections", () => {
    assert.deepEqual(clusterWarnings({ directors: many(3), settings: all }), []);
    const server = { protocol: "tcp", scheduler: "mh", realServers: [{ forwarding: "nat" }] };
    const untracked = { ...server, realServers: [{ forwarding: "dr" }, { forwarding: "tun" }] };
    assert.deepEqual(
      placedWarnings({ directors: many(3), settings: { ...all, conntrack: false } }, untracked),
      [],
    );
    assert.deepEqual(placedWarnings({ directors: many(3), settings: all }, server), []);
    assert.deepEqual(
      placedWarnings({ directors: many(1), settings: all }, { ...server, persistence: {} }),
      [],
    );
  });

  // kubernetes#76664 and #71809, kube-router#899 (udp), keepalived#1781 (persistence): nobody is told what pins clients.
  const cases: [string, object, object, RegExp][] = [
    [
      "mh without sloppyTcp",
      { sloppyTcp: false },
      { protocol: "tcp", scheduler: "mh" },
      /sloppyTcp is not set/,
    ],
    [
      "dh without sloppyTcp",
      { sloppyTcp: false },
      { protocol: "tcp", scheduler: "dh" },
      /sloppyTcp is not set.*dh would choose the same server/,
    ],
    [
      "sh without sloppySctp",
      { sloppySctp: false },
      { protocol: "sctp", scheduler: "sh" },
      /sloppySctp is not set/,
    ],
    [
      "mh without scheduleIcmp",
      { scheduleIcmp: false },
      { protocol: "tcp", scheduler: "mh" },
      /scheduleIcmp/,
    ],
    ["udp without expireNodestConn", { expireNodestConn: false }, { protocol: "udp" }, /expireNodestConn/],
    [
      "nat without conntrack",
      { conntrack: false },
      { realServers: [{ forwarding: "nat" }, { forwarding: "nat" }] },
      /conntrack/,
    ],
    ["persistence", {}, { persistence: { timeoutS: 60 } }, /remembers persistent clients for itself/],
  ];

  it("warns of persistent clients that stay with a server at weight 0, on one director as on several", () => {
    const persistent = { protocol: "tcp", persistence: {} };
    for (const directors of [many(1), many(2)]) {
      const found = placedWarnings(
        { directors, settings: { ...all, expireQuiescentTemplate: false } },
        persistent,
      );
      assert.equal(found.filter((text) => /expireQuiescentTemplate is not set/.test(text)).length, 1);
    }
  });

  for (const [what, settings, server, reason] of cases) {
    it(`warns once, with the reason, of ${what} on several directors`, () => {
      const found = placedWarnings({ directors: many(2), settings: { ...all, ...settings } }, server);
      assert.equal(found.length, 1);
      assert.match(found[0] ?? "", reason);
    });
  }

  for (const forwarding of ["dr", "tun"]) {
    it(`warns of tracked connections by ${forwarding}, on one director as on several`, () => {
      for (const directors of [many(1), many(2)]) {
        const tracked = { directors, settings: all };
        const pool = { protocol: "tcp", realServers: [{ forwarding }, { forwarding }] };
        const found = placedWarnings(tracked, pool);
        assert.equal(found.length, 1);
        assert.match(found[0] ?? "", /^settings\.conntrack is set: .* drops the first packet/);
        assert.deepEqual(placedMemberWarnings(tracked, { forwarding }), found);
        assert.deepEqual(placedWarnings({ directors, settings: { ...all, connReuseMode: 0 } }, pool), []);
      }
      assert.deepEqual(placedMemberWarnings({ directors: many(1) }, { forwarding }), []);
    });
  }

  // kubernetes#81775: ports that come round keep a draining server busy for ever.
  it("warns of single servers, of wide clusters and of ports that never drain", () => {
    assert.equal(placedMemberWarnings({ directors: many(2) }, { forwarding: "nat" }).length, 1);
    assert.equal(placedMemberWarnings({ directors: many(1) }, { forwarding: "nat" }).length, 0);
    assert.match(
      clusterWarnings({ directors: many(65), settings: all })[0] ?? "",
      /65 directors are more than the 64/,
    );
    assert.match(
      clusterWarnings({ directors: many(1), settings: { connReuseMode: 0 } })[0] ?? "",
      /drain never ends/,
    );
    // Answers of nat are forwarded as any packet is, by one director as well.
    assert.match(
      clusterWarnings({ directors: many(1), settings: { ipForward: false } })[0] ?? "",
      /ipForward false stops nat/,
    );
  });
});

describe("capabilities", () => {
  const process = (pid: string, parent: string, name = "keepalived", args = "keepalived -D") => ({
    pid,
    parent,
    name,
    arguments: args,
  });

  it("tell checkers of a keepalived from VRRP alone", () => {
    const family = [process("10", "1"), process("11", "10"), process("12", "10")];
    assert.equal(runsCheckers(family, new Set(["11"])), true);
    assert.equal(runsCheckers(family.slice(0, 2), new Set(["11"])), false);
    assert.equal(
      runsCheckers([process("10", "1"), process("11", "10", "keepalived_vrrp")], new Set()),
      false,
    );
    assert.equal(runsCheckers([process("10", "1", "keepalived", "keepalived -nP")], new Set()), false);
    assert.equal(runsCheckers([process("10", "1")], new Set()), true);
    assert.equal(runsCheckers([], new Set()), false);
  });

  it("warn of clocks that are off and of versions that differ", () => {
    const node = {
      kernel: "6.1.0",
      ipvsadm: "v1.31",
      architecture: "x86_64",
      distribution: "Debian",
      schedulers: [],
      ipv6: true,
      hasAgent: false,
      clockSkewMs: 0,
      clockErrorMs: 5,
      rivals: [],
    };
    assert.deepEqual(stepWarnings({ a: node, b: { ...node, clockSkewMs: 2000 } }), []);
    const [clock, kernel] = stepWarnings({ a: node, b: { ...node, clockSkewMs: -2500, kernel: "5.10" } });
    assert.match(clock ?? "", /director b: its clock is 2500 ms behind/);
    assert.match(kernel ?? "", /directors differ in kernel: 6\.1\.0 \(a\), 5\.10 \(b\)/);
  });

  it("do not tell a new skew while the old one may still be right", () => {
    assert.equal(steadySkewMs({ clockSkewMs: 120, clockErrorMs: 20 }, undefined), 0);
    assert.equal(steadySkewMs({ clockSkewMs: 1490, clockErrorMs: 20 }, undefined), 1500);
    assert.equal(steadySkewMs({ clockSkewMs: 1330, clockErrorMs: 20 }, 1500), 1500);
    assert.equal(steadySkewMs({ clockSkewMs: 10, clockErrorMs: 20 }, 1500), 0);
  });
});
