import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  destinationKey,
  differences,
  type Edit,
  parseTable,
  plan,
  renderEdits,
  renderTable,
  type Service,
  serviceKey,
  type Table,
  TableSyntaxError,
} from "../../ipvs";
import { applyEdit } from "./model-kernel";
import { always, fuzzRuns } from "./property";
import { anyTable, anyTwoTables, forgetting, remembering, saved } from "./tables";

const RUNS = { numRuns: fuzzRuns(500) };

const sorted = (one: Table) =>
  [...one]
    .map((each) => ({
      ...each,
      destinations: [...each.destinations].sort((a, b) => (destinationKey(a) < destinationKey(b) ? -1 : 1)),
    }))
    .sort((a, b) => (serviceKey(a) < serviceKey(b) ? -1 : 1));
const takesConnections = (one: Service | undefined) =>
  one?.destinations.some(({ weight }) => weight > 0) ?? false;

describe("reading a table", () => {
  it("reads what it renders", () => {
    always(
      fc.property(anyTable, (one) => assert.deepEqual(parseTable(renderTable(one)), saved(one))),
      RUNS,
    );
  });

  it("reads what ipvsadm --save -n prints", () => {
    const text = [
      "-A -t 192.0.2.1:80 -s mh -p 300 -M 255.255.255.0 -b mh-fallback,mh-port",
      "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 -x 100 -y 50",
      "-A -u [2001:db8::1]:53 -s rr -o",
      "-a -u [2001:db8::1]:53 -r [fd00::1]:53 -m -w 0",
      "-A -f 7 -6 -s wlc",
      "-A --sctp-service 192.0.2.1:9 -s sh",
      "",
    ].join("\n");
    const [mh, dns, marked, sctp] = parseTable(text);
    assert.equal(mh?.extra, "-p 300 -M 255.255.255.0 -b mh-fallback,mh-port");
    assert.deepEqual(mh?.destinations[0], {
      address: "10.0.0.1",
      port: 80,
      method: "dr",
      weight: 3,
      extra: "-x 100 -y 50",
    });
    assert.deepEqual([dns?.protocol, dns?.extra, dns?.destinations[0]?.weight], ["udp", "-o", 0]);
    assert.equal(marked && serviceKey(marked), "fwmark 7 -6");
    assert.equal(sctp && serviceKey(sctp), "sctp 192.0.2.1:9");
  });

  const broken = [
    ["a destination without a service", "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1"],
    ["an unknown command", "-Z"],
    ["names instead of numbers", "-A -t web:http -s rr"],
    ["a port out of range", "-A -t 192.0.2.1:65536 -s rr"],
    ["a line cut short", "-A -t"],
    ["a weight that is none", "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w -1"],
  ] as const;
  for (const [what, text] of broken) {
    it(`refuses ${what}, naming the line`, () => {
      assert.throws(
        () => parseTable(text),
        (error) =>
          error instanceof TableSyntaxError && /line [12] of the IPVS table: expected/.test(error.message),
      );
    });
  }

  it("gives a table or a clean error for any text", () => {
    const words = fc.constantFrom(
      "-A",
      "-a",
      "-t",
      "-f",
      "-r",
      "-s",
      "-w",
      "rr",
      "192.0.2.1:80",
      "\n",
      "constructor",
      "-6",
      "9e9",
    );
    for (const text of [fc.string(), fc.array(words).map((list) => list.join(" "))]) {
      always(
        fc.property(text, (one) => {
          try {
            parseTable(one);
          } catch (error) {
            assert.ok(error instanceof TableSyntaxError, String(error));
          }
        }),
      );
    }
  });
});

describe("plan", () => {
  const scopeOf = (...tables: Table[]) => new Set(tables.flatMap((one) => one.map(serviceKey)));

  it("takes any table to any other one, by edits the kernel accepts", () => {
    always(
      fc.property(anyTwoTables, ([actual, other]) => {
        const desired = remembering(other);
        const scope = scopeOf(actual, desired);
        const result = plan(actual, desired, scope).reduce(applyEdit, actual);
        assert.deepEqual(sorted(forgetting(result)), sorted(other));
        assert.deepEqual(plan(result, desired, scope), []);
      }),
    );
  });

  it("takes the weight of who is to have none with the next edit, where he is added with the one that he had", () => {
    always(
      fc.property(anyTwoTables, ([actual, other]) => {
        const desired = remembering(other);
        const edits = plan(actual, desired, scopeOf(actual, desired));
        for (const [index, edit] of edits.entries()) {
          if (edit.kind !== "add-destination" || edit.destination.weight === 0) continue;
          const pool = desired.find((one) => serviceKey(one) === serviceKey(edit.service))?.destinations;
          const wanted = pool?.find((one) => destinationKey(one) === destinationKey(edit.destination));
          if (wanted?.weight !== 0) continue;
          const next = { kind: "edit-destination", service: edit.service, destination: wanted };
          assert.deepEqual(edits[index + 1], next);
        }
      }),
    );
  });

  it("never leaves a service without servers on the way, when it has some before and after", () => {
    always(
      fc.property(anyTwoTables, ([actual, other]) => {
        const desired = remembering(other);
        let now: Table = actual;
        for (const edit of plan(actual, desired, scopeOf(actual, desired))) {
          now = applyEdit(now, edit);
          for (const before of actual.filter(takesConnections)) {
            const key = serviceKey(before);
            const after = desired.find((one) => serviceKey(one) === key);
            if (takesConnections(after))
              assert.ok(takesConnections(now.find((one) => serviceKey(one) === key)), key);
          }
        }
      }),
    );
  });

  // keepalived#2318: a reload that wrote everything anew was slow, and lost a virtual server.
  it("names nothing outside its scope", () => {
    always(
      fc.property(anyTwoTables, ([actual, other]) => {
        const desired = remembering(other);
        const scope = new Set(desired.slice(0, 1).map(serviceKey));
        for (const edit of plan(actual, desired, scope)) assert.ok(scope.has(serviceKey(edit.service)));
      }),
    );
  });

  // dpvs#891: an update by delete and add cut connections.
  it("never deletes and adds again what can be edited", () => {
    always(
      fc.property(anyTwoTables, ([actual, other]) => {
        const desired = remembering(other);
        const touched = new Map<string, string[]>();
        for (const edit of plan(actual, desired, scopeOf(actual, desired))) {
          const key =
            "destination" in edit
              ? `${serviceKey(edit.service)} ${destinationKey(edit.destination)}`
              : serviceKey(edit.service);
          touched.set(key, [...(touched.get(key) ?? []), edit.kind]);
        }
        // One that has lost its weight elsewhere is added with it, and loses it here.
        const once = ["add-destination edit-destination"];
        for (const kinds of touched.values())
          assert.ok(kinds.length === 1 || once.includes(kinds.join(" ")), kinds.join(" "));
      }),
    );
  });

  it("is written as ipvsadm --restore reads it", () => {
    const actual = parseTable("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n");
    const desired = parseTable(
      "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 5\n-A -u [fd00::1]:53 -s rr\n",
    );
    const edits: Edit[] = plan(actual, desired, scopeOf(actual, desired));
    assert.equal(
      renderEdits(edits),
      [
        "-E -t 192.0.2.1:80 -s wrr",
        "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 5",
        "-d -t 192.0.2.1:80 -r 10.0.0.1:80",
        "-A -u [fd00::1]:53 -s rr",
        "",
      ].join("\n"),
    );
    assert.deepEqual(differences(desired, desired, scopeOf(desired)), []);
    const [one, two] = ["192.0.2.1:80", "5 -6"].map((key, index) => [
      `${index === 0 ? `-A -t ${key}` : `-A -f ${key}`} -s rr`,
      `-a ${index === 0 ? `-t ${key}` : `-f ${key}`} -r ${index === 0 ? "10.0.0.1" : "[fd00::1]"}:80 -m -w 2`,
    ]) as [string[], string[]];
    for (const [rules, server] of [
      [one, "10.0.0.1"],
      [two, "[fd00::1]"],
    ] as const) {
      const wanted = parseTable(`${rules.join("\n")}\n`);
      const edited = [
        rules[0]?.replace("-s rr", "-s wrr -p 60"),
        rules[1]?.replace("-w 2", "-w 9"),
        rules[1]?.replace("1]:80", "2]:80").replace("0.1:80", "0.2:80"),
      ];
      const [key] = scopeOf(wanted);
      assert.deepEqual(differences(parseTable(`${edited.join("\n")}\n`), wanted, scopeOf(wanted)), [
        `virtual server ${key} lacks: ${rules[0]?.replace("-A", "-E")}; found: -s wrr -p 60`,
        `virtual server ${key} lacks: ${rules[1]?.replace("-a", "-e")}; found: -m -w 9`,
        `virtual server ${key} has a server that is not declared: ${server.replace(/1(\]?)$/, "2$1")}:80`,
      ]);
    }
    assert.deepEqual(
      differences([], desired, scopeOf(desired)).at(-1),
      "virtual server udp [fd00::1]:53 is missing",
    );
  });
});
