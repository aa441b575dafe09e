import assert from "node:assert/strict";
import fc from "fast-check";
import { planOf, type Subject, subjectOfEndpoints, type Verdict, wantedOf } from "../../kubernetes";
import { believedDown } from "../../kubernetes/belief";
import { endpointsObject } from "../../kubernetes/objects";
import { endpointsOf, sliceOf } from "./kubernetes-objects";
import { always } from "./property";

const SERVICE = { hasSelector: false, ports: ["http"] };

/** What is held of servers, by address; of others nothing is known. */
function plan(subject: Subject, verdicts: Readonly<Record<string, Verdict>>) {
  const wanted = wantedOf(subject, { service: SERVICE });
  return planOf(subject, wanted, (key) => {
    const address = wanted.probes.get(key)?.target.address ?? "";
    return Object.hasOwn(verdicts, address) ? verdicts[address] : undefined;
  });
}

/** What a plan writes, to be looked into. */
const patchOf = (made: ReturnType<typeof plan>) =>
  made?.patch as Readonly<Record<"metadata" | "endpoints", unknown>> | undefined;

const UP: Verdict = { healthy: true };
const DOWN: Verdict = { healthy: false, reason: "tcp: refused" };

describe("what is written into Endpoints", () => {
  it("nothing while nothing is known, and nothing while all is as it stands", () => {
    assert.equal(plan(endpointsOf(["10.0.0.1"], ["10.0.0.2"]), {}), undefined);
    const said = { "heye.io/status": '{"out":{"10.0.0.2":"tcp: refused"}}' };
    assert.equal(
      plan(endpointsOf(["10.0.0.1"], ["10.0.0.2"], said), { "10.0.0.1": UP, "10.0.0.2": DOWN }),
      undefined,
    );
  });

  it("an address moves with all that stands at it, under the version that was read, with its reason", () => {
    const made = plan(endpointsOf(["10.0.0.1", "10.0.0.2"]), { "10.0.0.1": UP, "10.0.0.2": DOWN });
    assert.deepEqual(made?.patch, {
      metadata: {
        resourceVersion: "7",
        annotations: { "heye.io/status": '{"out":{"10.0.0.2":"tcp: refused"}}' },
      },
      subsets: [
        {
          ports: [{ name: "http", port: 80, appProtocol: "h2c" }],
          addresses: [{ ip: "10.0.0.1", nodeName: "node-of-10.0.0.1" }],
          notReadyAddresses: [{ ip: "10.0.0.2", nodeName: "node-of-10.0.0.2" }],
        },
      ],
    });
    assert.deepEqual([made?.down, made?.up], [["10.0.0.2"], []]);
    assert.deepEqual(made?.notes, [
      { type: "Warning", reason: "ServerDown", message: "taken out: 10.0.0.2 (tcp: refused)" },
    ]);
  });

  it("the annotation goes with the last address that is out", () => {
    const said = { "heye.io/status": '{"out":{"10.0.0.2":"tcp: refused"}}' };
    const made = plan(endpointsOf([], ["10.0.0.2"], said), { "10.0.0.2": UP });
    assert.deepEqual(patchOf(made)?.metadata, {
      resourceVersion: "7",
      annotations: { "heye.io/status": null },
    });
  });

  it("what an address that is out answers now is no news", () => {
    const said = { "heye.io/status": '{"out":{"10.0.0.2":"tcp: silent"}}' };
    assert.equal(plan(endpointsOf([], ["10.0.0.2"], said), { "10.0.0.2": DOWN }), undefined);
    // Nor where the object has it in other letters than we tell it in.
    const odd = { "heye.io/status": '{"out":{"2001:db8::2":"tcp: silent"}}' };
    assert.equal(plan(endpointsOf([], ["2001:DB8:0::2"], odd), { "2001:DB8:0::2": DOWN }), undefined);
  });

  it("a server with several ports is out when one of them is", () => {
    const subsets = [
      {
        addresses: [{ ip: "10.0.0.1" }],
        ports: [
          { name: "http", port: 80 },
          { name: "https", port: 443 },
        ],
      },
    ];
    const metadata = {
      name: "web",
      namespace: "shop",
      uid: "u",
      resourceVersion: "7",
      annotations: { "heye.io/health-check": '{"type":"tcp"}' },
    };
    const subject = subjectOfEndpoints(endpointsObject.parse({ metadata, subsets }));
    assert.ok(subject);
    const wanted = wantedOf(subject, { service: { hasSelector: false, ports: ["http", "https"] } });
    assert.equal(wanted.probes.size, 2);
    const portOf = (key: string) => wanted.probes.get(key)?.target.port;
    assert.deepEqual(planOf(subject, wanted, (key) => (portOf(key) === 443 ? DOWN : UP))?.down, ["10.0.0.1"]);
    assert.equal(
      planOf(subject, wanted, (key) => (portOf(key) === 443 ? undefined : UP)),
      undefined,
    );
  });

  it("for any readiness and any verdicts: no address is lost or made, and a second plan is empty", () => {
    const verdict = fc.constantFrom(UP, DOWN, undefined);
    const pool = fc.uniqueArray(fc.integer({ min: 1, max: 250 }), { maxLength: 12 });
    always(
      fc.property(
        pool,
        fc.array(fc.boolean(), { minLength: 12 }),
        fc.array(verdict, { minLength: 12 }),
        (hosts, flags, words) => {
          const places = hosts.map((host) => `10.0.0.${host}`);
          const subject = endpointsOf(
            places.filter((_, index) => flags[index]),
            places.filter((_, index) => !flags[index]),
          );
          const verdicts: Record<string, Verdict> = {};
          places.forEach((place, index) => {
            const word = words[index];
            if (word) verdicts[place] = word;
          });
          const made = plan(subject, verdicts);
          if (made === undefined) return;
          const patch = made.patch as {
            metadata: { annotations?: Record<string, string | null> };
            subsets?: unknown;
          };
          const after = endpointsObject.parse({
            metadata: {
              ...subject.object.metadata,
              annotations: {
                ...subject.annotations,
                ...Object.fromEntries(
                  Object.entries(patch.metadata.annotations ?? {}).filter(([, text]) => text !== null),
                ),
              },
            },
            subsets: patch.subsets ?? ("subsets" in subject.object ? subject.object.subsets : []),
          });
          const written = subjectOfEndpoints(after);
          assert.ok(written);
          const all = written.groups.flatMap(({ backends }) => backends);
          assert.deepEqual(all.map(({ address }) => address).sort(), [...places].sort());
          for (const { address, ready } of all)
            assert.equal(ready, verdicts[address]?.healthy ?? flags[places.indexOf(address)]);
          assert.equal(plan(written, verdicts), undefined);
        },
      ),
    );
  });
});

describe("what is written into slices", () => {
  it("conditions that are absent count as those of a server that works", () => {
    assert.equal(
      plan(sliceOf({ "10.0.0.1": undefined, "10.0.0.2": {} }), { "10.0.0.1": UP, "10.0.0.2": UP }),
      undefined,
    );
  });

  it("one that is down is neither ready nor serving; one that leaves is serving at most", () => {
    const made = plan(
      sliceOf({ "10.0.0.1": {}, "10.0.0.2": { ready: true, terminating: true }, "10.0.0.3": {} }),
      {
        "10.0.0.1": DOWN,
        "10.0.0.2": UP,
      },
    );
    assert.deepEqual(patchOf(made)?.endpoints, [
      {
        addresses: ["10.0.0.1"],
        zone: "z",
        conditions: { ready: false, serving: false, terminating: false },
      },
      { addresses: ["10.0.0.2"], zone: "z", conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ["10.0.0.3"], zone: "z", conditions: {} },
    ]);
  });
});

describe("what is asked", () => {
  it("nothing under ports that the Service has not, and it is told", () => {
    const wanted = wantedOf(endpointsOf(["10.0.0.1"]), { service: { hasSelector: false, ports: ["web"] } });
    assert.equal(wanted.probes.size, 0);
    assert.deepEqual(wanted.problems, [
      'port names must match: the Service web has "web", the Endpoints web has "http"',
    ]);
  });

  it("nothing of Endpoints that Kubernetes writes", () => {
    const wanted = wantedOf(endpointsOf(["10.0.0.1"]), { service: { hasSelector: true, ports: ["http"] } });
    assert.deepEqual([wanted.probes.size, wanted.problems.length], [0, 1]);
  });

  it("the port that the check names, in place of a UDP port", () => {
    const udp = { service: SERVICE };
    const at = (annotation: string) => {
      const subject = endpointsOf(["10.0.0.1"], [], { "heye.io/health-check": annotation });
      const groups = subject.groups.map((group) => ({
        ...group,
        ports: [{ name: "http", port: 53, protocol: "UDP" }],
      }));
      return wantedOf({ ...subject, groups }, udp);
    };
    assert.equal(at('{"type":"tcp"}').probes.size, 0);
    assert.match(at('{"type":"tcp"}').problems.join(), /no TCP port among those of some addresses/);
    assert.deepEqual(
      [...at('{"type":"tcp","port":8053}').probes.values()].map(({ target }) => target.port),
      [8053],
    );
  });
});

describe("who is down in the eyes of a controller that begins", () => {
  it("those that all objects say are not ready", () => {
    const followed = [
      endpointsOf(["10.0.0.1", "10.0.0.2"]),
      endpointsOf(["10.0.0.1"], ["10.0.0.2", "10.0.0.3"]),
    ].map((subject) => ({ subject, wanted: wantedOf(subject, { service: SERVICE }) }));
    assert.deepEqual(
      [...believedDown(followed)].map((key) => key.split(" ")[1]),
      ["10.0.0.3:80"],
    );
  });
});
