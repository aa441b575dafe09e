import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import {
  EMPTY_REGISTRY,
  type Member,
  type Registration,
  type Registry,
  withRegistration,
} from "../../director/registry";
import {
  joinLines,
  parseRegistry,
  registryDelta,
  registryLines,
  renderRegistry,
} from "../../director/registry-format";
import { always } from "./property";

const member = (host: number, weight: number): Member => ({
  address: `10.0.0.${host}`,
  port: 80,
  weight,
  forwarding: "nat",
});
const registration = (port: number, members: readonly Member[]): Registration => ({
  protocol: "tcp",
  address: "192.0.2.1",
  port,
  resource: "wéb\t\n😀",
  scheduler: "mh",
  pool: "inline",
  members,
});

const pools = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 5 })), {
    selector: ([host]) => host,
    maxLength: 4,
  })
  .map((pool) => pool.map(([host, weight]) => member(host, weight)));
const owners = fc.constantFrom("edge-1a", "two words", "tab\tand\nline", "\uffee", "😀", 'back\\slash"');
const registries: fc.Arbitrary<Registry> = fc
  .array(fc.tuple(owners, fc.constantFrom(8, 80, 800, 443), pools), { maxLength: 12 })
  .map((list) =>
    list.reduce(
      (now, [id, port, pool]) =>
        withRegistration(
          now,
          { id, label: `shop/prod ${id}` },
          `tcp 192.0.2.1:${port}`,
          registration(port, pool),
        ),
      EMPTY_REGISTRY,
    ),
  );

describe("the registry's file", () => {
  it("reads what it renders, with servers in the order they were given", () => {
    always(
      fc.property(registries, (registry) =>
        assert.deepEqual(parseRegistry(renderRegistry(registry)), registry),
      ),
    );
    const given = [member(3, 1), member(1, 1), member(2, 1)];
    const one = withRegistration(
      EMPTY_REGISTRY,
      { id: "a", label: "l" },
      "tcp 192.0.2.1:80",
      registration(80, given),
    );
    const read = parseRegistry(renderRegistry(one));
    assert.deepEqual(read?.owners.a?.virtualServers["tcp 192.0.2.1:80"]?.members, given);
  });

  it("is sorted as every `sort` of the C locale sorts, one line for each thing", () => {
    always(
      fc.property(registries, (registry) => {
        const bytes = [...registryLines(registry).values()].map((line) => Buffer.from(line));
        assert.deepEqual([...bytes].sort(Buffer.compare), bytes);
        assert.ok(bytes.every((line) => !line.includes("\n")));
      }),
    );
  });

  it("keeps an unchanged line as it was read, whatever we would write today", () => {
    const text = renderRegistry(
      withRegistration(
        EMPTY_REGISTRY,
        { id: "a", label: "l" },
        "tcp 192.0.2.1:80",
        registration(80, [member(1, 1)]),
      ),
    ).replace(/$/m, "");
    const newer = text
      .replace('"members"', '"later":{"deep":[1]},"members"')
      .replace(/\t-a .*\n/, "\t-a of another version\n");
    const read = parseRegistry(newer);
    assert.ok(read);
    assert.equal(renderRegistry(read), newer);
  });

  it("holds rules that fill an empty table, for a director that reads no JSON", () => {
    const registry = withRegistration(
      EMPTY_REGISTRY,
      { id: "a", label: "l" },
      "tcp 192.0.2.1:80",
      registration(80, [member(1, 3)]),
    );
    const folder = mkdtempSync(join(tmpdir(), "heye-registry-"));
    try {
      writeFileSync(join(folder, "registry"), renderRegistry(registry));
      const program = "/^service /{ for (i = 3; i <= NF; i++) print $i }";
      const { stdout } = spawnSync("awk", ["-F", "\\t", program, join(folder, "registry")], {
        encoding: "utf8",
      });
      assert.equal(stdout, "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("changes by the lines that differ alone", () => {
    always(
      fc.property(registries, registries, (before, after) => {
        const [a, b] = [registryLines(before), registryLines(after)];
        const lines = new Map(a);
        for (const edit of registryDelta(a, b)) {
          if (edit.startsWith("-")) assert.ok(lines.delete(edit.slice(1)));
          else lines.set(edit.slice(1).split("\t", 1)[0] ?? "", edit.slice(1));
        }
        assert.equal(
          joinLines([...lines].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, line]) => line)),
          joinLines(b.values()),
        );
        assert.deepEqual(registryDelta(b, registryLines(after)), []);
      }),
    );
  });

  it("of format 1 is read, and written in format 2", () => {
    const owner = { label: "l", virtualServers: { "tcp 192.0.2.1:80": registration(80, [member(1, 1)]) } };
    const read = parseRegistry(`${JSON.stringify({ format: 1, owners: { a: owner } })}\n`);
    assert.deepEqual(read, { owners: { a: owner } });
    assert.match(renderRegistry(read ?? EMPTY_REGISTRY), /^heye registry 2\nowner a\t/);
  });

  it("is refused as a whole when any line is not what it must be", () => {
    const text = renderRegistry(
      withRegistration(
        EMPTY_REGISTRY,
        { id: "a", label: "l" },
        "tcp 192.0.2.1:80",
        registration(80, [member(1, 1)]),
      ),
    );
    const [header = "", owner = "", service = ""] = text.split("\n");
    const bad = [
      text.slice(0, -1),
      joinLines([owner, service]),
      joinLines(["heye registry 3", owner, service]),
      joinLines([header, service]),
      joinLines([header, owner, owner, service]),
      joinLines([header, owner, service, service]),
      joinLines([header, owner, service, "something else"]),
      joinLines([header, owner, service.replace('"mh"', "7")]),
      joinLines([header, owner.replace('"l"', "null"), service]),
    ];
    for (const one of bad) assert.equal(parseRegistry(one), undefined, one);
  });
});
