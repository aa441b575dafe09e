import assert from "node:assert/strict";
import {
  type Applied,
  type Change,
  ConnectionLostError,
  Director,
  findRegistration,
  type Member,
  NotAppliedError,
  NotWritableError,
  putMember,
  putVirtualServer,
  type Registration,
  removeVirtualServer,
  type SessionPool,
} from "../../director";
import { ATTEMPTS, pauseMs } from "../../director/contention";
import { duringRegistry, EMPTY_REGISTRY, type Registry } from "../../director/registry";
import { parseRegistry, renderRegistry } from "../../director/registry-format";
import type { ChangeRequest } from "../../director/request";
import { sha256 } from "../../director/sha256";
import { tableDigest } from "../../director/state";

const KEY = "tcp 192.0.2.1:80";
const ACTOR = { id: "me-1", label: "shop/prod Cluster edge" };

/** How far a director gets with a change, and whether it can still tell. Default: all the way, and it does. */
interface Course {
  /** Nothing of it is made; or what comes first is on disk; or the kernel holds it too, but the later registry is missing. */
  readonly until?: "nothing" | "during" | "kernel";
  readonly lost?: true;
  /** It waits for the lock, and is made once the next one comes. */
  readonly late?: true;
  readonly complaint?: string;
  /** What somebody else does first. */
  readonly meanwhile?: (director: HeldDirector) => void;
}

/** The real Director over a director that keeps what it is told to, and refuses what was computed from another state. */
class HeldDirector {
  registry: Registry = EMPTY_REGISTRY;
  lines: readonly string[] = [];
  /** Of the changes to come; when there is none any more, they go well. */
  courses: Course[] = [];
  readonly director = new Director("d1", { host: "192.0.2.11" }, {
    get: async () => ({ ask: async (_user: string, request: () => ChangeRequest) => this.#serve(request()) }),
  } as unknown as SessionPool);
  #waiting: ChangeRequest | undefined;

  get registration(): Registration | undefined {
    return findRegistration(this.registry, KEY)?.registration;
  }

  addOther(address: string): void {
    this.lines = [...this.lines, `-A -t ${address}:80 -s rr`].sort();
  }

  reweigh(weight: number): void {
    const virtualServers = { [KEY]: virtualServer([server(1, weight), server(2)]) };
    this.registry = { owners: { [ACTOR.id]: { label: ACTOR.label, virtualServers } } };
  }

  #serve(request: ChangeRequest): { id: string; kernel: string; status: number; text: string } {
    const text = request.words.startsWith("read") ? this.#text("state") : this.#change(request);
    return { id: "1", kernel: "6.12.0", status: 0, text };
  }

  #change(request: ChangeRequest): string {
    const { until, lost, late, complaint, meanwhile } = this.courses.shift() ?? {};
    meanwhile?.(this);
    if (this.#waiting) this.#make(this.#waiting, undefined);
    this.#waiting = late ? request : undefined;
    const isDone = !late && this.#make(request, until);
    if (lost) throw new ConnectionLostError("d1", "changing its table", "it is gone");
    return this.#text(isDone ? "applied" : "changed", complaint);
  }

  #make({ body, predicted }: ChangeRequest, until: Course["until"]): boolean {
    const [, registry, table] = body.split(/[ \n]/);
    const isKnown = registry === sha256(renderRegistry(this.registry)) && table === tableDigest(this.lines);
    if (!isKnown || until === "nothing") return false;
    const kept = until ? duringRegistry(this.registry, predicted.registry) : predicted.registry;
    this.registry = parseRegistry(renderRegistry(kept)) ?? assert.fail("a registry that cannot be read");
    if (until !== "during") this.lines = predicted.lines;
    return true;
  }

  #text(outcome: string, messages = ""): string {
    const registry = renderRegistry(this.registry).split("\n").slice(0, -1);
    const parts = ["= registry text", ...registry, "= table text", ...this.lines, "= messages", messages];
    return [`heye 2 ${outcome}`, ...parts].join("\n");
  }
}

function server(last: number, weight = 1): Member {
  return { address: `10.0.0.${last}`, port: 80, weight, forwarding: "nat" };
}

function virtualServer(members: readonly Member[], pool: "inline" | "separate" = "inline"): Registration {
  const identity = { protocol: "tcp", address: "192.0.2.1", port: 80 } as const;
  return { ...identity, resource: "web", token: "t1", scheduler: "rr", pool, members };
}

function put(members: readonly Member[], pool: "inline" | "separate" = "inline"): Change {
  return putVirtualServer(ACTOR, KEY, virtualServer(members, pool), { known: true });
}

function putServer(weight: number): Change {
  const member = { ...server(1, weight), resource: "r1", token: "t2" };
  return putMember(ACTOR, KEY, member, { known: true });
}

const OLD = put([server(1), server(2)]);
/** One changes and one leaves, so that the earlier registry is not the later one. */
const NEW = put([server(1, 7)]);

const COMPLAINT = "Memory allocation problem";
const OTHERS: readonly Course[] = Array.from({ length: ATTEMPTS }, (_, index) => index + 3).map((last) => ({
  meanwhile: (director) => director.addOther(`192.0.2.${last}`),
}));

async function held(...changes: readonly Change[]): Promise<HeldDirector> {
  const made = new HeldDirector();
  for (const change of changes) await made.director.change(change);
  return made;
}

async function failure(change: Promise<Applied>): Promise<NotAppliedError> {
  const error = await change.catch((reason: unknown) => reason);
  assert.ok(error instanceof NotAppliedError, String(error));
  return error;
}

describe("a change that finds another director each time", () => {
  it("is given up as busy when nothing of it was made", async () => {
    const one = await held(OLD);
    one.courses = [...OTHERS];
    await assert.rejects(one.director.change(NEW), { code: "HEYE_BUSY", message: /Nothing was changed/ });
  });

  it("is made when the others have come to an end", async () => {
    const one = await held(OLD);
    one.courses = OTHERS.slice(0, ATTEMPTS - 2);
    await one.director.change(NEW);
    assert.deepEqual(
      one.registration?.members.map(({ weight }) => weight),
      [7],
    );
  });

  it("goes by what it was told last where it cannot be read in between", async () => {
    const one = await held(OLD);
    one.courses = OTHERS.slice(0, 4);
    one.director.read = () => Promise.reject(new Error("no answer"));
    await one.director.change(NEW);
    assert.deepEqual(
      one.registration?.members.map(({ weight }) => weight),
      [7],
    );
  });

  it("says what ipvsadm complained of when it was made once, and how to undo it", async () => {
    const one = await held(OLD);
    const before = one.registration;
    one.courses = [{ until: "kernel", complaint: COMPLAINT }, ...OTHERS];
    const error = await failure(one.director.change(NEW));
    assert.match(error.message, /ipvsadm said: Memory allocation problem/);
    assert.deepEqual(error.before, before);
  });

  it("tells how to undo it when it was lost before the complaint", async () => {
    const one = await held(OLD);
    const before = one.registration;
    one.courses = [{ until: "during", lost: true }, { until: "kernel", complaint: COMPLAINT }, ...OTHERS];
    assert.deepEqual((await failure(one.director.change(NEW))).before, before);
  });

  const FULL: Course = {
    meanwhile: () => {
      throw new NotWritableError("d1", "no space left");
    },
  };

  it("is not known to be gone because the next turn could not be written", async () => {
    const one = await held(OLD);
    one.courses = [{ lost: true, until: "during" }, FULL];
    await assert.rejects(one.director.change(NEW), { code: "HEYE_CONNECTION_LOST" });
    const other = await held(OLD);
    const before = other.registration;
    other.courses = [{ complaint: COMPLAINT, until: "kernel" }, FULL];
    const error = await failure(other.director.change(NEW));
    assert.match(error.message, /Memory allocation problem[\s\S]*no space left/);
    assert.deepEqual(error.before, before);
  });

  it("does not say that nothing was changed when it may have been", async () => {
    const one = await held(OLD);
    one.courses = [{ until: "nothing", lost: true }, ...OTHERS];
    await assert.rejects(one.director.change(NEW), ConnectionLostError);
  });
});

describe("a change that was made before it is sent once more", () => {
  const courses: Readonly<Record<string, readonly Course[]>> = {
    "its answer was lost": [{ lost: true }],
    "the connection was lost while it was made": [{ until: "kernel", lost: true }],
    "the connection was lost before the kernel was changed": [{ until: "during", lost: true }],
    "the connection was lost and it was made once it had the lock": [{ late: true, lost: true }],
    "ipvsadm complained and the kernel is right": [{ until: "kernel", complaint: COMPLAINT }],
    "its answer was lost and then ipvsadm complained": [
      { until: "kernel", lost: true },
      { until: "kernel", complaint: COMPLAINT },
    ],
  };
  const changes: Readonly<Record<string, { readonly first: readonly Change[]; readonly next: Change }>> = {
    "an update": { first: [OLD], next: NEW },
    "a new virtual server": { first: [], next: NEW },
    "an update of a real server": { first: [put([], "separate"), putServer(1)], next: putServer(7) },
    "a removal": { first: [OLD], next: removeVirtualServer(ACTOR, KEY, { resource: "web", token: "t1" }) },
    "a new real server": { first: [put([], "separate")], next: putServer(7) },
  };
  for (const [what, { first, next }] of Object.entries(changes)) {
    for (const [how, course] of Object.entries(courses)) {
      it(`is taken back to what stood before it: ${what}, ${how}`, async () => {
        const one = await held(...first);
        const { lines, registry } = one;
        one.courses = [...course];
        const { before } = await one.director.change(next);
        assert.notDeepEqual(one.lines, lines);
        await one.director.change(next.undo(before));
        assert.deepEqual(one.lines, lines);
        assert.deepEqual(one.registry, registry);
      });
    }
  }

  it("tells what stood before it when the kernel does not take it in the end", async () => {
    const one = await held(OLD);
    const before = one.registration;
    one.courses = [
      { until: "during", lost: true },
      { until: "during", complaint: COMPLAINT },
    ];
    assert.deepEqual((await failure(one.director.change(NEW))).before, before);
  });
});

describe("a change that was not made before it is sent once more", () => {
  const courses: Readonly<Record<string, Course>> = {
    "the connection was lost": { until: "nothing", lost: true },
    "another state was found": {},
  };
  for (const [how, course] of Object.entries(courses)) {
    it(`is taken back to what somebody else has registered since: ${how}`, async () => {
      const one = await held(OLD);
      one.courses = [{ ...course, meanwhile: (director) => director.reweigh(3) }];
      const { before } = await one.director.change(NEW);
      assert.deepEqual(
        before?.members.map(({ weight }) => weight),
        [3, 1],
      );
    });
  }
});

describe("the pause before a change is computed anew", () => {
  it("is none at first, then by chance and longer, and ends somewhere", () => {
    const longest = () => 1;
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => pauseMs(attempt, longest)),
      [0, 100, 200, 400, 800, 1_000, 1_000, 1_000],
    );
    assert.equal(
      pauseMs(5, () => 0),
      0,
    );
  });
});
