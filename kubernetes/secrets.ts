import type { SecretData } from "./annotations";
import type { Api } from "./api";
import { ApiError, wordsOf } from "./api-errors";
import { ANNOTATION } from "./names";
import { secretObject } from "./objects";

/** How long what a Secret held is taken for what it holds, in ms. */
const FRESH_MS = 60_000;
/** A Secret that could not be read is asked for again after so long, in ms: the first time, and later. */
const RETRY_MS = [1_000, 10_000] as const;
/** So often in a row it has to be refused before that is told: a server that has just started forbids everything. */
const REFUSALS = 2;

interface Copy {
  readonly data?: SecretData | undefined;
  readonly problem?: string | undefined;
  /** How often in a row it was refused. */
  readonly refusals: number;
  readonly readMs: number;
  readonly text: string;
}

/** What is known of one Secret. */
export interface KnownSecret {
  /** Absent: it could not be read yet. What was read once stays when it cannot be read again. */
  readonly secret?: SecretData | undefined;
  readonly secretProblem?: string | undefined;
}

/**
 * The Secrets that checks name. Each is read by its name, and again every minute while somebody wants it: to list or to
 * watch them would take a right to all of a namespace.
 */
export class Secrets {
  readonly #api: Api;
  readonly #copies = new Map<string, Copy>();
  readonly #wanted = new Map<string, { readonly namespace: string; readonly name: string }>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** What is known now; it is wanted from now on. Without a name nothing is. */
  get(namespace: string, name: string | undefined): KnownSecret {
    if (name === undefined) return {};
    const key = `${namespace}/${name}`;
    this.#wanted.set(key, { namespace, name });
    const copy = this.#copies.get(key);
    return { secret: copy?.data, secretProblem: copy?.problem };
  }

  /** Begins anew: only those that are asked for from now on are wanted. */
  forget(): void {
    this.#wanted.clear();
  }

  /**
   * Reads those that are wanted and not fresh.
   *
   * @returns the namespaces in which something is known that was not known before
   */
  async refresh(signal: AbortSignal): Promise<ReadonlySet<string>> {
    for (const key of this.#copies.keys()) if (!this.#wanted.has(key)) this.#copies.delete(key);
    const changed = new Set<string>();
    for (const [key, { namespace, name }] of this.#wanted) {
      const before = this.#copies.get(key);
      const ageMs = performance.now() - (before?.readMs ?? Number.NEGATIVE_INFINITY);
      if (ageMs < freshMs(before)) continue;
      const after = await this.#read(namespace, name, before, signal);
      if (signal.aborted) break;
      this.#copies.set(key, after);
      if (after.text !== before?.text) changed.add(namespace);
    }
    return changed;
  }

  async #read(namespace: string, name: string, before: Copy | undefined, signal: AbortSignal): Promise<Copy> {
    const path = `/api/v1/namespaces/${namespace}/secrets/${encodeURIComponent(name)}`;
    const readMs = performance.now();
    try {
      const { data } = secretObject.parse(await this.#api.request({ method: "GET", path, signal }));
      const decoded = Object.fromEntries(
        Object.entries(data ?? {}).map(([key, value]) => [
          key,
          Buffer.from(value, "base64").toString("utf8"),
        ]),
      );
      return { data: decoded, refusals: 0, readMs, text: JSON.stringify([decoded, undefined]) };
    } catch (error) {
      // A server that is down says nothing of the Secret.
      const isPassing = error instanceof ApiError && error.isPassing;
      const refusals = (before?.refusals ?? 0) + (isPassing ? 0 : 1);
      const isTold = !isPassing && refusals >= REFUSALS;
      const problem = isTold ? `${ANNOTATION.secret}: ${problemOf(error, namespace, name)}` : before?.problem;
      const { data } = before ?? {};
      return { data, problem, refusals, readMs, text: JSON.stringify([data, problem]) };
    }
  }
}

function freshMs(copy: Copy | undefined): number {
  if (copy === undefined || (copy.refusals === 0 && copy.data !== undefined)) return FRESH_MS;
  return copy.problem === undefined ? RETRY_MS[0] : RETRY_MS[1];
}

function problemOf(error: unknown, namespace: string, name: string): string {
  if (error instanceof ApiError && error.isMissing)
    return `there is no Secret ${name} in the namespace ${namespace}`;
  if (error instanceof ApiError && error.status === 403)
    return `the controller may not read the Secret ${name}: bind a Role of the namespace ${namespace} to its ServiceAccount that allows get on secrets, resourceNames [${name}]`;
  return `the Secret ${name} cannot be read: ${wordsOf(error)}`;
}
