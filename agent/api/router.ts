import * as z from "zod";
import { type Problem, parse } from "../../spec";
import { ApiProblem, invalid, notFound } from "./problem";
import { dryRunQuery } from "./query";
import type { Method, Route } from "./route";

/** A request's route, with what it names. */
export interface Matched {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Finds the route of a request. */
export class Router {
  readonly #templates: readonly { readonly parts: readonly string[]; readonly route: Route }[];

  constructor(readonly routes: readonly Route[]) {
    this.#templates = routes.map((route) => ({ parts: route.path.split("/"), route }));
  }

  /** Whether the API answers for a path at all; others are none of its business. */
  knows(target: string): boolean {
    const [pathname = ""] = target.split("?", 1);
    return this.#at(pathname).length > 0;
  }

  /**
   * @param target path and query, as they stand in the request
   * @throws ApiProblem 400, 404, 405
   */
  match(method: string, target: string): Matched {
    const [pathname = ""] = target.split("?", 1);
    const found = this.#at(pathname);
    if (found.length === 0) throw notFound(`there is no ${pathname.slice(0, 200)}`);
    const wanted = method === "HEAD" ? "GET" : method;
    const one = found.find(({ route }) => route.method === wanted);
    if (!one)
      throw notAllowed(
        method,
        found.map(({ route }) => route.method),
      );
    const query = readQuery(one.route, new URLSearchParams(target.slice(pathname.length + 1)));
    return { route: one.route, params: paramsOf(one.parts, pathname), query };
  }

  #at(pathname: string) {
    const parts = pathname.split("/");
    const fits = (template: readonly string[]) =>
      template.length === parts.length &&
      template.every((part, index) => (isName(part) ? parts[index] !== "" : part === parts[index]));
    return this.#templates.filter((one) => fits(one.parts));
  }
}

function isName(part: string): boolean {
  return part.startsWith("{");
}

function paramsOf(template: readonly string[], pathname: string): Record<string, string> {
  const parts = pathname.split("/");
  const named = template.flatMap((part, index) =>
    isName(part) ? [[part.slice(1, -1), decoded(parts[index] ?? "")] as const] : [],
  );
  return Object.fromEntries(named);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiProblem(400, "bad path", `expected percent-encoded UTF-8, found ${JSON.stringify(text)}`);
  }
}

/** Query parameters that a route takes. */
export function queryOf({ kind, operation }: Route): Readonly<Record<string, z.ZodType>> {
  const writes = kind === "write" || kind === "transaction";
  return { ...operation.query, ...(writes && dryRunQuery) };
}

/** One that is misspelt is refused: a `dryrun` that nobody heeds would change things. */
function readQuery(route: Route, given: URLSearchParams): Readonly<Record<string, string>> {
  const known = queryOf(route);
  const problems: Problem[] = [];
  for (const name of new Set(given.keys()))
    if (given.getAll(name).length > 1)
      problems.push({ path: [name], reason: "expected it once, found it again" });
  const fields = Object.entries(known).map(([name, schema]) => [name, schema.optional()] as const);
  const parsed = parse(z.strictObject(Object.fromEntries(fields)), Object.fromEntries(given));
  problems.push(...parsed.problems);
  if (problems.length > 0) {
    const { message, parts } = invalid(problems);
    throw new ApiProblem(400, "bad query", message, parts);
  }
  return parsed.value as Readonly<Record<string, string>>;
}

function notAllowed(method: string, allowed: readonly Method[]): ApiProblem {
  const all = [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : [])].join(", ");
  return new ApiProblem(405, "no such method", `expected one of ${all}, found ${method}`, {}, { allow: all });
}
