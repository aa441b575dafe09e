import assert from "node:assert/strict";
import { BackupError, backupText, readBackup } from "../../agent/plane/backup-text";
import { judge, type Own } from "../../agent/plane/judge";
import {
  bytesOf,
  CHUNK_BYTES,
  chunksOf,
  DELTA_MAX_BYTES,
  entryOf,
  type Head,
  isSnapshotDue,
  Keys,
  parseChange,
  parseHead,
} from "../../agent/plane/log-format";
import type { Newest } from "../../agent/plane/plane";
import { areApart, digestOf, merged, steps } from "../../agent/plane/registry-text";
import { changedKeys, withoutStrangers } from "../../agent/plane/strangers";
import type { Member, Registry } from "../../director";
import { parseRegistry } from "../../director/data";
import { parseTable } from "../../ipvs";
import { registryOf } from "../etcd/registries";
import { virtualServer } from "./agent-site";

const KEY = "tcp 192.0.2.1:80";
const member = (host: number): Member => ({
  address: `10.0.0.${host}`,
  port: 80,
  weight: 1,
  forwarding: "nat",
});
const registry = (hosts: readonly number[], pool: "inline" | "separate" = "inline"): Registry => ({
  owners: {
    "me-1": { label: "edge", virtualServers: { [KEY]: virtualServer(hosts.map(member), { pool }) } },
  },
});
const NONE: Registry = { owners: {} };
const table = (...hosts: number[]) =>
  parseTable(
    ["-A -t 192.0.2.1:80 -s rr", ...hosts.map((host) => `-a -t 192.0.2.1:80 -r 10.0.0.${host}:80 -m -w 1`)]
      .map((line) => `${line}\n`)
      .join(""),
  );

describe("what a director does about what is shared", () => {
  const at = (revision: number, text = registryOf(revision), isSuccessor = true): Newest => ({
    shared: { history: "h", revision, text, digest: digestOf(text) },
    leaves: [],
    isSuccessor,
  });
  const own = (revision: number): Own => ({
    applied: { history: "h", revision, digest: digestOf(registryOf(revision)) },
    text: registryOf(revision),
  });
  const joining = (text: string): Own => ({ applied: undefined, text });

  it("is to follow successors of what it has followed", () => {
    assert.equal(judge(own(3), at(3)).kind, "current");
    assert.equal(judge(own(3), at(9)).kind, "follow");
  });

  it("is to raise an alarm where that was emptied, put back or is another's", () => {
    const reasons = [
      judge(own(3), undefined),
      judge(own(3), at(2, registryOf(2), false)),
      judge(own(3), at(4, registryOf(4), false)),
      judge(own(3), { ...at(4, registryOf(4), false), isForgotten: true }),
      judge(own(3), { ...at(4, registryOf(4), false), shared: { ...at(4).shared, history: "other" } }),
    ].map((verdict) => (verdict.kind === "alarm" ? verdict.reason : verdict.kind));
    assert.match(reasons[0] ?? "", /holds nothing any more, and revision 3/);
    assert.match(reasons[1] ?? "", /at revision 2, and revision 3 was followed here/);
    assert.match(reasons[2] ?? "", /its revision 3 is another one/);
    assert.match(reasons[3] ?? "", /revision 3 was followed here, and lies so far behind/);
    assert.match(reasons[4] ?? "", /another history/);
  });

  it("is to begin with what it has where nothing ever was, and to wait where it has nothing", () => {
    assert.equal(judge(joining(registryOf(2)), undefined).kind, "begin");
    assert.equal(judge(joining(""), undefined).kind, "wait");
  });

  it("is to join where it loses nothing by that", () => {
    for (const text of ["", registryOf(2), registryOf(5)])
      assert.equal(judge(joining(text), at(5)).kind, "follow");
    const lost = judge(joining(registryOf(6)), at(5));
    assert.match(
      lost.kind === "alarm" ? lost.reason : "",
      /not declared there, or otherwise: tcp 192\.0\.2\.1:8005$/,
    );
    const other = judge(joining(registryOf(9, 7)), at(5));
    assert.match(other.kind === "alarm" ? other.reason : "", /:8000, .*:8001, .*:8002 and 6 more$/);
  });
});

describe("entries of nobody in the place of what is shared", () => {
  const keys = (found: Registry) =>
    Object.values(found.owners).flatMap((one) => Object.keys(one.virtualServers));

  it("keep a virtual server out, until they are gone or it was taken over", () => {
    const held = withoutStrangers(NONE, registry([1]), table(9));
    assert.deepEqual(keys(held.registry), []);
    assert.match(held.conflicts.join(), /tcp 192\.0\.2\.1:80 stands here already and belongs to nobody/);
    assert.deepEqual(withoutStrangers(NONE, registry([1]), []).conflicts, []);
    assert.deepEqual(withoutStrangers(registry([1]), registry([1, 2]), table(1)).registry, registry([1, 2]));
  });

  it("keep single servers out of a separate pool, and not out of one that lists its own", () => {
    const [own, shared] = [registry([1], "separate"), registry([1, 2, 3], "separate")];
    const held = withoutStrangers(own, shared, table(1, 3));
    assert.deepEqual(held.registry, registry([1, 2], "separate"));
    assert.match(held.conflicts.join(), /^10\.0\.0\.3:80 of tcp 192\.0\.2\.1:80 stand here already/);
    assert.deepEqual(withoutStrangers(registry([1]), registry([1, 3]), table(1, 3)).conflicts, []);
  });

  it("keep a separate pool in that is removed: they would go with it", () => {
    const own = registry([1], "separate");
    assert.deepEqual(withoutStrangers(own, NONE, table(1)).registry, NONE);
    const held = withoutStrangers(own, NONE, table(1, 9));
    assert.deepEqual(held.registry, own);
    assert.match(held.conflicts.join(), /stays: it holds real servers that nobody has registered/);
  });

  it("are found in what differs between two registries", () => {
    assert.deepEqual(changedKeys(registry([1]), registry([2])), [KEY]);
    assert.deepEqual([changedKeys(NONE, registry([1])), changedKeys(registry([1]), NONE)], [[KEY], [KEY]]);
    assert.deepEqual(changedKeys(registry([1]), registry([1])), []);
  });
});

describe("the log in etcd", () => {
  const head: Head = {
    ...{ format: 1, history: "h", revision: 300, digest: digestOf(""), bytes: 100_000, since: 0 },
    snapshot: { id: "s", revision: 300, chunks: 1, digest: digestOf("") },
  };

  it("reads what it writes, and nothing of another version", () => {
    assert.deepEqual(parseHead(JSON.stringify(head)), head);
    for (const text of ["", "{}", JSON.stringify({ ...head, format: 2 })])
      assert.equal(parseHead(text), undefined);
    const entry = entryOf({ id: "p", delta: ["-service a b"], leaves: [{ key: KEY }] }, digestOf("x"));
    assert.deepEqual(parseChange(JSON.stringify(entry)), entry);
    assert.equal(parseChange(JSON.stringify({ ...entry, delta: ["+two\nlines"] })), undefined);
  });

  it("keeps a change that is too large in a snapshot alone", () => {
    const small = entryOf({ id: "p", delta: ["+x"], leaves: [] }, digestOf(""));
    const large = entryOf({ id: "p", delta: [`+${"x".repeat(DELTA_MAX_BYTES)}`], leaves: [] }, digestOf(""));
    assert.deepEqual(small.delta, ["+x"]);
    assert.equal(large.delta, undefined);
    assert.ok(bytesOf(large) < 200);
  });

  it("is due for a snapshot after many changes, or when they outgrow the registry", () => {
    assert.equal(isSnapshotDue(head), false);
    assert.equal(isSnapshotDue({ ...head, revision: 556 }), true);
    assert.equal(isSnapshotDue({ ...head, since: 100_000 }), false);
    assert.equal(isSnapshotDue({ ...head, since: 100_001 }), true);
  });

  it("cuts a text into chunks that make it up again, also within a letter", () => {
    const text = "ä".repeat(CHUNK_BYTES);
    const chunks = chunksOf(`x${text}`);
    assert.equal(chunks.length, 3);
    assert.equal(Buffer.concat(chunks).toString("utf8"), `x${text}`);
    assert.deepEqual(chunksOf(""), []);
  });

  it("has keys whose order is that of the revisions", () => {
    const keys = new Keys("/heye/edge");
    const named = [1, 9, 10, 123_456].map((revision) => keys.change(revision));
    assert.deepEqual([...named].sort(), named);
  });
});

describe("a backup", () => {
  it("tells whether it is whole", () => {
    const backup = backupText(registryOf(3));
    for (const text of [registryOf(3), ""]) assert.equal(readBackup(backupText(text)), text);
    const lines = backup.split("\n");
    for (const cut of [lines.slice(0, 1), lines.slice(0, 3), lines.slice(0, -2)])
      assert.throws(() => readBackup(`${cut.join("\n")}\n`), BackupError);
  });

  it("may be a director's own file, but not one that takes everything off", () => {
    assert.equal(readBackup(registryOf(2)), registryOf(2));
    const lines = registryOf(2).split("\n");
    for (const cut of [[], lines.slice(0, 1), lines.slice(0, 2)])
      assert.throws(
        () => readBackup(cut.map((line) => `${line}\n`).join("")),
        /found none: all that there are/,
      );
    for (const text of [registryOf(2).slice(0, -5), "root:secret\n"])
      assert.throws(() => readBackup(text), {
        name: "BackupError",
        message: /^expected a backup, or a director's registry [^"]*nothing was changed$/,
      });
  });
});

describe("changes of a registry's text", () => {
  it("come to what they were made from, and to nothing where that is no registry", () => {
    for (const [before, after] of [
      [0, 3],
      [3, 0],
      [2, 5],
      [4, 4],
    ] as const)
      assert.equal(
        merged(registryOf(before), steps(registryOf(before), registryOf(after))),
        registryOf(after),
      );
    assert.equal(merged(registryOf(2), ["-owner me-1"]), undefined, "its virtual servers would be nobody's");
    assert.equal(merged("nonsense\n", ["+x"]), undefined);
  });

  it("can be made after each other where they touch different things", () => {
    const add = (count: number) =>
      steps(registryOf(2), registryOf(count)).filter((edit) => edit.includes(":800"));
    const [third] = steps(registryOf(2), registryOf(3));
    const fourth = steps(registryOf(3), registryOf(4));
    assert.equal(areApart([third ?? ""], fourth), true);
    assert.equal(areApart(add(3), add(3)), false);
    assert.equal(
      areApart(steps(registryOf(1), ""), steps(registryOf(1), registryOf(2))),
      false,
      "its owner goes",
    );
    assert.ok(parseRegistry(registryOf(3)));
  });
});
