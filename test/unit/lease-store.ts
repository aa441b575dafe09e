/** Leases as an API server keeps them, and requests that are made and answered when a test says so. */
import assert from "node:assert/strict";
import type { ApiRequest } from "../../kubernetes/api";
import { ApiError } from "../../kubernetes/api-errors";
import { type LeaseObject, leaseObject } from "../../kubernetes/objects";

interface Open {
  readonly request: ApiRequest;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** What the server has made of it; undefined: it has not come there. */
  made?: { readonly answer: unknown } | { readonly error: ApiError };
}

/** The server's side. */
export class LeaseStore {
  readonly leases = new Map<string, LeaseObject>();
  #version = 0;

  make({ method, path, query, body }: ApiRequest): NonNullable<Open["made"]> {
    assert.equal(query, undefined, "this server knows no selectors, and has no old lists");
    if (method === "GET") return { answer: structuredClone({ items: [...this.leases.values()] }) };
    const sent = body as { metadata: { name: string; resourceVersion?: string } };
    const { name } = sent.metadata;
    const known = this.leases.get(name);
    const refuse = (status: number) => ({ error: new ApiError(status, `${method} ${path}`, "refused") });
    if (method === "POST" && known) return refuse(409);
    if (method === "PUT" && known === undefined) return refuse(404);
    if (method === "PUT" && known?.metadata.resourceVersion !== sent.metadata.resourceVersion)
      return refuse(409);
    const resourceVersion = String(++this.#version);
    const kept = leaseObject.parse({ ...sent, metadata: { ...sent.metadata, resourceVersion } });
    this.leases.set(name, structuredClone(kept));
    return { answer: structuredClone(kept) };
  }
}

/** One replica's way to the server. */
export class LeaseApi {
  #open: Open | undefined;
  /** Requests fail, and those that are open never come there. */
  isCut = false;

  constructor(private readonly store: LeaseStore) {}

  readonly request = (request: ApiRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      this.#open = { request, resolve, reject };
    });

  /** Whether a request waits for its answer. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The open request comes to the server, if it has not yet. */
  make(): void {
    if (this.#open && !this.isCut) this.#open.made ??= this.store.make(this.#open.request);
  }

  /** The open request is answered; where the way is cut, by an error, whatever was made of it. */
  answer(): void {
    this.make();
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { made } = open;
    if (this.isCut || made === undefined) open.reject(new ApiError(0, open.request.path, "no answer"));
    else if ("error" in made) open.reject(made.error);
    else open.resolve(made.answer);
  }
}
