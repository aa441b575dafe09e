import assert from "node:assert/strict";
import { ApiError } from "../../kubernetes/api-errors";
import { type Declared, declaredByEndpoints } from "../../kubernetes/declared";
import { Mirrors } from "../../kubernetes/mirrors";
import { endpointSliceObject, endpointsObject } from "../../kubernetes/objects";
import { type Owner, type OwnerSays, readOwner } from "../../kubernetes/owner";
import { type Subject, subjectOfSlice } from "../../kubernetes/subject";

const CHECKED = { annotations: { "heye.io/health-check": '{"type":"tcp"}' } };
const OWNER: Owner = { kind: "Endpoints", namespace: "shop", name: "web" };

/** Endpoints as an API server gives them. */
function endpointsJson(
  address: string,
  { uid = "u", port = 80, labels = { "heye.io/service-name": "web" }, annotations = {} } = {},
  morePorts: readonly number[] = [],
) {
  return {
    metadata: { name: "web", namespace: "shop", uid, resourceVersion: "20", labels, annotations },
    subsets: [port, ...morePorts].map((one) => ({ addresses: [{ ip: address }], ports: [{ port: one }] })),
  };
}

function declaring(...args: Parameters<typeof endpointsJson>): Declared {
  const made = declaredByEndpoints(endpointsObject.parse(endpointsJson(...args)));
  assert.ok(made);
  return made;
}

/** The slice that a leader has made of a declaration, its servers ready. */
function sliceOf(by: Declared): Subject {
  const [slice] = by.slices;
  assert.ok(slice);
  const subject = subjectOfSlice(
    endpointSliceObject.parse({
      metadata: {
        name: slice.name,
        namespace: by.namespace,
        uid: "s",
        resourceVersion: "21",
        labels: {
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "heye.io",
        },
        annotations: by.annotations,
        ownerReferences: [{ apiVersion: "v1", kind: "Endpoints", name: by.name, uid: by.uid }],
      },
      addressType: slice.addressType,
      ports: slice.ports,
      endpoints: slice.endpoints.map((one) => ({
        ...one,
        conditions: { ready: true, serving: true, terminating: false },
      })),
    }),
  );
  assert.ok(subject);
  return subject;
}

/** A replica's mirrors: what its watches have brought, and what the API server holds. */
class Seen {
  declared: Declared[] = [];
  slice: Subject | undefined;
  /** Slices that are there besides, by name. */
  readonly others = new Map<string, Subject>();
  /** undefined: the owner is gone. */
  now: OwnerSays | ApiError | undefined;
  readonly asked: Owner[] = [];
  readonly #mirrors = new Mirrors({
    declared: () => this.declared,
    subject: (name) => (name === this.name ? this.slice : this.others.get(name)),
    read: async (owner) => {
      this.asked.push({ kind: owner.kind, namespace: owner.namespace, name: owner.name });
      if (this.now instanceof ApiError) throw this.now;
      return this.now;
    },
  });

  constructor(readonly name: string) {}

  renew(): string[] {
    return this.#mirrors.renew([...(this.slice ? [this.name] : []), ...this.others.keys()]);
  }

  async step(name = this.name) {
    this.renew();
    return this.#mirrors.step(name);
  }
}

function seen(slice: Subject): Seen {
  const made = new Seen(`EndpointSlice shop/${slice.name}`);
  made.slice = slice;
  return made;
}

describe("slices and declarations that come by watches of their own", () => {
  it("a slice whose declaration has not come yet stays, and is asked about once", async () => {
    const by = declaring("10.0.0.1");
    const replica = seen(sliceOf(by));
    replica.now = { declared: by };
    assert.deepEqual(replica.renew(), [replica.name], "it seems to be nobody's");
    assert.equal(await replica.step(), undefined);
    assert.deepEqual(replica.asked, [OWNER]);
    assert.deepEqual(replica.renew(), []);
    assert.equal(await replica.step(), undefined);
    assert.equal(replica.asked.length, 1);
  });

  it("an old declaration takes no server out and brings none back", async () => {
    const now = declaring("10.0.0.2");
    const replica = seen(sliceOf(now));
    replica.declared = [declaring("10.0.0.1")];
    replica.now = { declared: now };
    assert.deepEqual(replica.renew(), [replica.name]);
    assert.equal(await replica.step(), undefined);
  });

  it("what is written follows from the newest declaration", async () => {
    const replica = seen(sliceOf(declaring("10.0.0.1")));
    replica.declared = [declaring("10.0.0.2")];
    replica.now = { declared: declaring("10.0.0.3") };
    const step = await replica.step();
    assert.ok(step?.kind === "patch" && "endpoints" in step.patch);
    const conditions = { ready: true, serving: true, terminating: false };
    assert.deepEqual(step.patch.endpoints, [{ addresses: ["10.0.0.3"], conditions }]);
  });

  it("a declaration that was made anew keeps the slice with its readiness", async () => {
    const replica = seen(sliceOf(declaring("10.0.0.1")));
    const anew = declaring("10.0.0.1", { uid: "v" });
    replica.now = { declared: anew };
    const ownerReferences = [{ apiVersion: "v1", kind: "Endpoints", name: "web", uid: "v" }];
    assert.deepEqual(await replica.step(), {
      kind: "patch",
      patch: { metadata: { resourceVersion: "21", ownerReferences } },
    });
  });

  const deletion = { kind: "delete", preconditions: { uid: "s", resourceVersion: "21" } };

  it("a slice is deleted where its owner is there and declares it no more: without the label", async () => {
    const replica = seen(sliceOf(declaring("10.0.0.1")));
    replica.now = { declared: undefined };
    assert.deepEqual(await replica.step(), deletion);
  });

  it("with other ports, its servers go on in another slice as they were, and it goes when that one is there", async () => {
    const old = sliceOf(declaring("10.0.0.1", CHECKED));
    const now = declaring("10.0.0.1", { port: 81, ...CHECKED });
    const replica = seen(old);
    replica.declared = [now];
    replica.now = { declared: now };
    assert.equal(await replica.step(), undefined, "nobody would serve meanwhile");
    const next = sliceOf(now);
    const made = await replica.step(`EndpointSlice shop/${next.name}`);
    assert.ok(made?.kind === "create" && "endpoints" in made.body);
    const conditions = { ready: true, serving: true, terminating: false };
    assert.deepEqual(made.body.endpoints, [{ addresses: ["10.0.0.1"], conditions }]);
    assert.deepEqual(
      replica.renew(),
      [`EndpointSlice shop/${next.name}`],
      "it is not asked about again and again",
    );
    replica.others.set(`EndpointSlice shop/${next.name}`, next);
    assert.deepEqual(replica.renew(), [replica.name]);
    assert.deepEqual(await replica.step(), deletion);
  });

  it("ports that come besides are a gate of their own", async () => {
    const both = declaring("10.0.0.1", CHECKED, [81]);
    const replica = seen(sliceOf(declaring("10.0.0.1", CHECKED)));
    replica.declared = [both];
    replica.now = { declared: both };
    const [, other] = both.slices;
    const made = await replica.step(`EndpointSlice shop/${other?.name}`);
    assert.ok(made?.kind === "create" && "endpoints" in made.body);
    const conditions = { ready: false, serving: false, terminating: false };
    assert.deepEqual(made.body.endpoints, [{ addresses: ["10.0.0.1"], conditions }]);
  });

  it("with an owner that is gone, a slice is left to Kubernetes, and none is made", async () => {
    const replica = seen(sliceOf(declaring("10.0.0.1")));
    assert.equal(await replica.step(), undefined);
    replica.slice = undefined;
    replica.declared = [declaring("10.0.0.1")];
    assert.deepEqual(replica.renew(), [replica.name]);
    assert.equal(await replica.step(), undefined);
    assert.equal(replica.asked.length, 2);
  });

  it("nothing is done while the declaration cannot be read, and it is asked for again", async () => {
    const replica = seen(sliceOf(declaring("10.0.0.1")));
    replica.now = new ApiError(503, "GET /", "busy");
    await assert.rejects(replica.step(), { status: 503 });
    replica.now = { declared: undefined };
    assert.equal((await replica.step())?.kind, "delete");
  });

  it("what was found holds for what the watches said then, and for nothing newer", async () => {
    const by = declaring("10.0.0.1");
    const replica = seen(sliceOf(by));
    replica.now = { declared: by };
    assert.equal(await replica.step(), undefined);
    replica.declared = [by];
    assert.deepEqual(replica.renew(), []);
    replica.declared = [declaring("10.0.0.2")];
    replica.now = { declared: declaring("10.0.0.2") };
    assert.equal((await replica.step())?.kind, "patch");
  });
});

describe("an owner as it is read", () => {
  const answering = (answer: object | ApiError) => {
    const paths: string[] = [];
    const request = async ({ method, path }: { method: string; path: string }): Promise<unknown> => {
      paths.push(`${method} ${path}`);
      if (answer instanceof ApiError) throw answer;
      return answer;
    };
    return { paths, api: { request } };
  };

  it("says what it declares, or that it is no declaration", async () => {
    const { api, paths } = answering(endpointsJson("10.0.0.1"));
    assert.deepEqual(await readOwner(api, OWNER), { declared: declaring("10.0.0.1") });
    assert.deepEqual(paths, ["GET /api/v1/namespaces/shop/endpoints/web"]);
    const unlabelled = answering({ metadata: { ...endpointsJson("10.0.0.1").metadata, labels: {} } });
    assert.deepEqual(await readOwner(unlabelled.api, OWNER), { declared: undefined });
    const slice = answering({
      metadata: { name: "a/b", namespace: "shop", uid: "u", resourceVersion: "1" },
      addressType: "IPv4",
    });
    const odd = { ...OWNER, kind: "EndpointSlice", name: "a/b" } as const;
    assert.deepEqual(await readOwner(slice.api, odd), { declared: undefined });
    assert.deepEqual(slice.paths, ["GET /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/a%2Fb"]);
  });

  it("is gone only where the server says so", async () => {
    assert.equal(await readOwner(answering(new ApiError(404, "GET /", "not found")).api, OWNER), undefined);
    for (const status of [0, 403, 410, 500, 503])
      await assert.rejects(readOwner(answering(new ApiError(status, "GET /", "no")).api, OWNER), { status });
    await assert.rejects(readOwner(answering({ kind: "Status" }).api, OWNER));
  });
});
