import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type Actor,
  type Basis,
  type Change,
  ForeignEntryError,
  type Manner,
  type Member,
  OwnedElsewhereError,
  parseRegistry,
  putMember as put,
  putVirtualServer as putService,
  type Registration,
  type Registry,
  removeMember,
  removeVirtualServer,
} from "../../director";
import { desiredService } from "../../director/desired";
import { GroupCommit } from "../../director/group-commit";
import { algorithmsFor, fingerprint, matchesHostKey } from "../../director/host-key";
import { duringRegistry, EMPTY_REGISTRY } from "../../director/registry";
import { renderRegistry } from "../../director/registry-format";
import { shellCommand } from "../../director/script";
import { parseAnswer } from "../../director/state";
import { effectiveWeight } from "../../director/weight";
import { parseTable, type Table } from "../../ipvs";
import { always } from "./property";

const NEW = { known: false };
const putVirtualServer = (actor: Actor, key: string, wanted: Registration) =>
  putService(actor, key, wanted, NEW);
const putMember = (actor: Actor, key: string, wanted: Member) =>
  put(actor, key, wanted as Member & { resource: string }, NEW);
const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const OTHER = { id: "other-1", label: "bank/prod Cluster core" };
const KEY = "tcp 192.0.2.1:80";
const member = (host: number, resource?: string) => ({
  address: `10.0.0.${host}`,
  port: 80,
  weight: 1,
  forwarding: "nat" as const,
  ...(resource && { resource }),
});
type SocketRegistration = Extract<Registration, { readonly protocol: string }>;
const registration = (overrides: Partial<SocketRegistration> = {}): SocketRegistration => ({
  protocol: "tcp",
  address: "192.0.2.1",
  port: 80,
  resource: "web",
  scheduler: "rr",
  pool: "inline",
  members: [member(1)],
  ...overrides,
});
const basis = (registry: Registry = EMPTY_REGISTRY, table: Table = []): Basis => ({
  director: "d1",
  registry,
  table,
});
const apply = (registry: Registry, ...changes: Change[]) =>
  changes.reduce((now, change) => change.apply(basis(now)), registry);

describe("ownership", () => {
  it("an entry of nobody is refused, and named", () => {
    const table = parseTable(`-A -t 192.0.2.1:80 -s wlc\n`);
    assert.throws(
      () => putVirtualServer(ME, KEY, registration()).apply(basis(EMPTY_REGISTRY, table)),
      ForeignEntryError,
    );
  });

  it("what is registered is ours, whatever the kernel holds", () => {
    const table = parseTable(`-A -t 192.0.2.1:80 -s wlc\n`);
    const mine = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, registration()));
    assert.doesNotThrow(() =>
      putVirtualServer(ME, KEY, registration({ scheduler: "mh" })).apply(basis(mine, table)),
    );
  });

  it("another owner's entry is neither changed nor removed", () => {
    const theirs = apply(EMPTY_REGISTRY, putVirtualServer(OTHER, KEY, registration()));
    assert.throws(
      () => apply(theirs, putVirtualServer(ME, KEY, registration())),
      (error) => error instanceof OwnedElsewhereError && error.message.includes("bank/prod"),
    );
    assert.deepEqual(apply(theirs, removeVirtualServer(ME, KEY, { resource: "web" })), theirs);
  });

  it("a resource removes only what it put there itself", () => {
    const mine = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, registration()));
    assert.deepEqual(apply(mine, removeVirtualServer(ME, KEY, { resource: "renamed" })), mine);
    assert.deepEqual(apply(mine, removeVirtualServer(ME, KEY, { resource: "web" })), EMPTY_REGISTRY);
  });

  it("separate servers join a pool and leave it, and survive a change of their virtual server", () => {
    const pool = registration({ pool: "separate", members: [] });
    const two = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, pool),
      putMember(ME, KEY, member(1, "a")),
      putMember(ME, KEY, member(2, "b")),
    );
    const changed = apply(
      two,
      putVirtualServer(ME, KEY, { ...pool, scheduler: "mh" }),
      removeMember(ME, KEY, "10.0.0.1:80", { resource: "a" }),
    );
    const found = changed.owners[ME.id]?.virtualServers[KEY];
    assert.deepEqual([found?.scheduler, found?.members.map(({ address }) => address)], ["mh", ["10.0.0.2"]]);
    assert.deepEqual(apply(changed, removeMember(ME, KEY, "10.0.0.2:80", { resource: "somebody" })), changed);
  });

  it("a replacement of the same name is not removed with the one it replaces", () => {
    const first = registration({ token: "t1" });
    const both = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, first),
      putVirtualServer(ME, KEY, { ...first, token: "t2" }),
    );
    assert.deepEqual(apply(both, removeVirtualServer(ME, KEY, { resource: "web", token: "t1" })), both);
    assert.deepEqual(
      apply(both, removeVirtualServer(ME, KEY, { resource: "web", token: "t2" })),
      EMPTY_REGISTRY,
    );
  });

  it("a renamed resource is still itself", () => {
    const old = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, registration({ token: "t1" })));
    const renamed = apply(old, putVirtualServer(ME, KEY, registration({ token: "t1", resource: "shop" })));
    assert.equal(renamed.owners[ME.id]?.virtualServers[KEY]?.resource, "shop");
    assert.throws(
      () => apply(old, putVirtualServer(ME, KEY, registration({ token: "t9", resource: "shop" }))),
      OwnedElsewhereError,
    );
  });

  it("a server in service is not held back because another director could not let it in", () => {
    const table = parseTable("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n");
    const serving = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, registration()));
    const held = putVirtualServer(
      ME,
      KEY,
      registration({
        members: [
          { ...member(1), held: true },
          { ...member(2), held: true },
        ],
      }),
    );
    const members = held.apply(basis(serving, table)).owners[ME.id]?.virtualServers[KEY]?.members;
    assert.deepEqual(
      members?.map((one) => one.held),
      [undefined, true],
    );
  });

  it("a virtual server does not take along real servers that nobody registered", () => {
    const table = parseTable("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1\n");
    const pool = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, registration({ pool: "separate", members: [] })),
    );
    assert.throws(
      () => removeVirtualServer(ME, KEY, { resource: "web" }).apply(basis(pool, table)),
      ForeignEntryError,
    );
  });

  it("a resource that lost its registration is no stranger to its own update", () => {
    const table = parseTable("-A -t 192.0.2.1:80 -s rr\n");
    assert.doesNotThrow(() =>
      putService(ME, KEY, registration(), { known: true }).apply(basis(EMPTY_REGISTRY, table)),
    );
  });

  it("but it is one where its state does not say that it has been, as its real servers are", () => {
    const strangeOn = new Set([basis().director]);
    const service = parseTable("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 7\n");
    const elsewhere = { known: true, strangeOn: new Set(["another"]) };
    const pool = registration({ pool: "separate", members: [] });
    const mine = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, pool));
    const claimed = { ...member(1, "a"), resource: "a" };
    const changes = (manner: Manner) => [
      () => putService(ME, KEY, registration(), manner).apply(basis(EMPTY_REGISTRY, service)),
      () => put(ME, KEY, claimed, manner).apply(basis(mine, service)),
    ];
    for (const change of changes({ known: true, strangeOn })) assert.throws(change, ForeignEntryError);
    for (const change of changes(elsewhere)) assert.doesNotThrow(change);
  });

  /** A member that was removed and put back stands last: in the kernel it does too. */
  const unordered = ({ owners }: Registry) =>
    Object.values(owners).map(({ virtualServers }) =>
      Object.fromEntries(
        Object.entries(virtualServers).map(([key, one]) => [
          key,
          { ...one, members: new Set(one.members.map((each) => JSON.stringify(each))) },
        ]),
      ),
    );

  it("a change is undone without touching what others did meanwhile", () => {
    const pool = registration({ pool: "separate", members: [] });
    const start = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, pool), putMember(ME, KEY, member(1, "a")));
    const before = start.owners[ME.id]?.virtualServers[KEY];
    const mine: [string, Change][] = [
      ["put a member", putMember(ME, KEY, { ...member(2, "b"), resource: "b" })],
      ["change a member", putMember(ME, KEY, { ...member(1, "a"), resource: "a", weight: 9 })],
      ["remove a member", removeMember(ME, KEY, "10.0.0.1:80", { resource: "a" })],
      ["change the virtual server", putVirtualServer(ME, KEY, { ...pool, scheduler: "mh" })],
    ];
    const others = [
      putMember(ME, KEY, { ...member(7, "x"), resource: "x" }),
      putVirtualServer(ME, "tcp 192.0.2.9:80", registration({ resource: "other", address: "192.0.2.9" })),
    ];
    for (const [what, change] of mine) {
      const undone = apply(start, change, ...others, change.undo(before));
      assert.deepEqual(unordered(undone), unordered(apply(start, ...others)), what);
    }
    const created = putVirtualServer(ME, KEY, pool);
    assert.deepEqual(apply(EMPTY_REGISTRY, created, created.undo(undefined)), EMPTY_REGISTRY);
    const removed = removeVirtualServer(ME, KEY, { resource: "web" });
    assert.equal(renderRegistry(apply(start, removed, removed.undo(before))), renderRegistry(start));
  });

  it("an inline pool that becomes a separate one keeps its servers until they are claimed", () => {
    const separate = registration({ pool: "separate", members: [] });
    const turned = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, registration({ members: [member(1), member(2)] })),
      putVirtualServer(ME, KEY, separate),
    );
    const addresses = (registry: Registry) =>
      registry.owners[ME.id]?.virtualServers[KEY]?.members.map(({ address }) => address);
    assert.deepEqual(addresses(turned), ["10.0.0.1", "10.0.0.2"]);
    const claimed = apply(turned, putMember(ME, KEY, { ...member(2), resource: "b" }));
    assert.deepEqual(addresses(claimed), ["10.0.0.1", "10.0.0.2"]);
    const changed = (registry: Registry, text: string, unclaimed: "stay" | "go" = "go") => {
      const change = putService(ME, KEY, separate, { known: true, unclaimed });
      return addresses(change.apply(basis(registry, parseTable(`-A -t 192.0.2.1:80 -s rr\n${text}`))));
    };
    const serving = "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n";
    assert.deepEqual(changed(turned, serving), ["10.0.0.1", "10.0.0.2"], "nobody else serves");
    assert.deepEqual(changed(claimed, ""), ["10.0.0.1", "10.0.0.2"], "the kernel knows of nobody who serves");
    assert.deepEqual(changed(claimed, serving, "stay"), ["10.0.0.1", "10.0.0.2"], "the same run, repeated");
    assert.deepEqual(changed(claimed, serving), ["10.0.0.2"]);
  });

  it("servers that a separate pool inherited are drained, and come back when that is undone", () => {
    const separate = registration({ pool: "separate", members: [] });
    const text = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n";
    const start = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, registration({ members: [member(1), member(2)] })),
      putVirtualServer(ME, KEY, separate),
      putMember(ME, KEY, { ...member(1), resource: "a" }),
    );
    const before = start.owners[ME.id]?.virtualServers[KEY];
    const now = (registry: Registry) => registry.owners[ME.id]?.virtualServers[KEY]?.members;
    for (const leaving of ["drain", "go"] as const) {
      const change = putService(ME, KEY, separate, { known: true, leaving });
      const after = change.apply(basis(start, parseTable(text)));
      const left = leaving === "drain" ? [{ ...member(2), draining: true as const }] : [];
      assert.deepEqual(now(after), [{ ...member(1), resource: "a" }, ...left]);
      assert.deepEqual(now(apply(after, change.undo(before))), before?.members);
    }
    const [on, off] = [parseTable(text), parseTable(text.replace("-w 1", "-w 0"))];
    const step = (leaving: "drain" | "go") => putService(ME, KEY, separate, { known: true, leaving });
    const fallen = step("go").apply(basis(step("drain").apply(basis(start, on)), off));
    assert.deepEqual(now(fallen), before?.members, "the claimed one fell meanwhile");
  });

  it("a server that is declared under another name is not taken from the old one, which goes on serving", () => {
    const start = apply(
      EMPTY_REGISTRY,
      putVirtualServer(ME, KEY, registration({ pool: "separate", members: [] })),
      putMember(ME, KEY, { ...member(1), resource: "a", token: "t1" }),
    );
    const again = putMember(ME, KEY, { ...member(1), resource: "b", token: "t2" });
    assert.throws(() => apply(start, again), OwnedElsewhereError);
  });

  it("an inline pool and separate servers do not mix", () => {
    const inline = apply(EMPTY_REGISTRY, putVirtualServer(ME, KEY, registration()));
    assert.throws(() => apply(inline, putMember(ME, KEY, member(9, "x"))), OwnedElsewhereError);
  });
});

describe("the registry", () => {
  const members = fc
    .uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 })
    .map((hosts) => hosts.map((host) => member(host)));
  const keys = fc.constantFrom("tcp 192.0.2.1:80", "tcp 192.0.2.1:81", "udp 192.0.2.1:53");
  const changes = fc.array(
    fc.oneof(
      fc
        .tuple(fc.constantFrom(ME, OTHER), keys, members)
        .map(([actor, key, pool]) => putVirtualServer(actor, key, registration({ members: pool }))),
      fc
        .tuple(fc.constantFrom(ME, OTHER), keys)
        .map(([actor, key]) => removeVirtualServer(actor, key, { resource: "web" })),
    ),
    { maxLength: 8 },
  );
  const reached = (list: Change[]) =>
    list.reduce((now, change) => {
      try {
        return change.apply(basis(now));
      } catch {
        return now;
      }
    }, EMPTY_REGISTRY);

  it("reads what it renders, and is nothing when nobody owns anything", () => {
    always(
      fc.property(changes, (list) =>
        assert.deepEqual(parseRegistry(renderRegistry(reached(list))), reached(list)),
      ),
    );
    assert.equal(renderRegistry(EMPTY_REGISTRY), "");
    assert.deepEqual(parseRegistry(""), EMPTY_REGISTRY);
  });

  it("takes no other text for one", () => {
    for (const text of ["{", "null", "[]", '{"format":2,"owners":{}}', '{"format":1}'])
      assert.equal(parseRegistry(text), undefined, text);
  });

  it("owns, while it changes, everything it owned before and will own after", () => {
    const owned = (registry: Registry) =>
      Object.entries(registry.owners).flatMap(([id, owner]) =>
        Object.entries(owner.virtualServers).flatMap(([key, { members: pool }]) => [
          `${id} ${key}`,
          ...pool.map(({ address }) => `${id} ${key} ${address}`),
        ]),
      );
    always(
      fc.property(changes, changes, (first, second) => {
        const before = reached(first);
        const after = second.reduce((now, change) => {
          try {
            return change.apply(basis(now));
          } catch {
            return now;
          }
        }, before);
        const during = new Set(owned(duringRegistry(before, after)));
        const wanted = [...owned(before), ...owned(after)].filter((entry) => !movedTo(entry, before, after));
        for (const entry of wanted) assert.ok(during.has(entry), entry);
      }),
    );
  });

  /** An address that left one owner and came to another in a single step belongs to the new one from the start. */
  function movedTo(entry: string, before: Registry, after: Registry): boolean {
    const [id, ...rest] = entry.split(" ");
    const key = rest.slice(0, 2).join(" ");
    const was = before.owners[id ?? ""]?.virtualServers[key];
    return (
      was !== undefined &&
      Object.entries(after.owners).some(([other, owner]) => other !== id && owner.virtualServers[key])
    );
  }
});

describe("what a registration stands for", () => {
  it("weighs a held server 0, and no positive weight becomes 0", () => {
    assert.equal(effectiveWeight({ weight: 5, held: true }), 0);
    always(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (weight) =>
        assert.equal(effectiveWeight({ weight }), weight),
      ),
    );
  });

  it("is the whole pool inline, and leaves strangers alone in a separate one", () => {
    const [found] = parseTable("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 4\n");
    assert.deepEqual(
      desiredService(registration(), found).destinations.map(({ address }) => address),
      ["10.0.0.1"],
    );
    assert.deepEqual(
      desiredService(registration({ pool: "separate" }), found).destinations.map(({ address }) => address),
      ["10.0.0.1", "10.9.9.9"],
    );
  });

  it("fills every director in the order that is registered, which is that of the others", () => {
    const members = [member(10), member(9), member(100)];
    const { destinations } = desiredService(registration({ members }), undefined);
    assert.deepEqual(
      destinations.map(({ address }) => address),
      ["10.0.0.10", "10.0.0.9", "10.0.0.100"],
    );
  });
});

describe("group commit", () => {
  it("lets what arrives during a group leave together, one group at a time", async () => {
    const groups: number[][] = [];
    const running: (() => void)[] = [];
    const commits = new GroupCommit<{ id: number; done: () => void }>(async (jobs) => {
      assert.equal(running.length, 0, "two groups at a time");
      groups.push(jobs.map(({ id }) => id));
      await new Promise<void>((resolve) => running.push(resolve));
      running.pop();
      for (const { done } of jobs) done();
    });
    const submit = (id: number) => new Promise<void>((done) => commits.submit({ id, done }));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const first = [submit(1), submit(2)];
    while (running.length === 0) await turn();
    const second = [submit(3), submit(4)];
    await turn();
    assert.deepEqual(groups, [[1, 2]]);
    running[0]?.();
    await Promise.all(first);
    while (groups.length < 2) await turn();
    running[0]?.();
    await Promise.all(second);
    assert.deepEqual(groups, [
      [1, 2],
      [3, 4],
    ]);
  });
});

describe("host keys", () => {
  const blob = Buffer.from("AAAAC3NzaC1lZDI1NTE5AAAAIHJkFCMYAKBkYfXWTbRYIsFfaGPtj5jnIXMKbhvlCRNN", "base64");
  const text = `ssh-ed25519 ${blob.toString("base64")}`;

  it("match by key or by fingerprint, and nothing else does", () => {
    assert.ok(matchesHostKey(text, blob));
    assert.ok(matchesHostKey(`${text} root@lb1`, blob));
    assert.ok(matchesHostKey(fingerprint(blob), blob));
    const other = Buffer.from(blob);
    other[40] = (other[40] ?? 0) ^ 1;
    assert.equal(matchesHostKey(text, other), false);
    assert.equal(matchesHostKey(fingerprint(blob), other), false);
    assert.equal(matchesHostKey("", blob), false);
  });

  it("ask the host for the declared kind of key", () => {
    assert.deepEqual(algorithmsFor(text), ["ssh-ed25519"]);
    assert.deepEqual(algorithmsFor("ssh-rsa AAAA"), ["rsa-sha2-512", "rsa-sha2-256"]);
    assert.equal(algorithmsFor("SHA256:abc"), undefined);
  });
});

describe("what travels to a director", () => {
  it("is a fixed command; every value is on standard input", () => {
    const command = shellCommand("root");
    assert.match(command, /^sh -c '[\s\S]*' heye$/);
    assert.equal(shellCommand("ops"), `sudo -n ${command}`);
    assert.equal(shellCommand("root", "1a read - -"), `${command} 1a read - -`);
  });

  it("comes back as a state, or as an error that says what to do", () => {
    const answer = (text: string, status = 0) =>
      parseAnswer("d1", { id: "1", kernel: "6.1.0", text, status }, { known: undefined });
    const table = "= registry text\n= table text\n-A -t 192.0.2.1:80 -s rr\n= messages\n";
    const good = answer(`heye 2 applied\n${table}said this\n`);
    assert.deepEqual(
      [good.outcome, good.state.kernel, good.state.table.length, good.messages],
      ["applied", "6.1.0", 1, "said this"],
    );
    assert.throws(() => answer("heye 2 missing ipvsadm\n"), /apt-get install ipvsadm/);
    assert.throws(() => answer("heye 2 busy\n"), /another run has held its lock/);
    assert.throws(
      () => answer(`heye 2 state\n${table.replace(/-A.*/, "Can't initialize ipvs")}`),
      /modprobe ip_vs/,
    );
    assert.throws(() => answer("sudo: a password is required", 1), /Log in as root, or allow/);
    assert.throws(() => answer("Welcome!\nheye 2 state\n"), /Does a shell start-up file print something/);
  });
});
