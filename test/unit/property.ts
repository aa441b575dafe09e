import * as fc from "fast-check";

/** Runs a synchronous property; a failure prints its seed and the smallest counterexample. */
export function always<Ts>(property: fc.IProperty<Ts>, parameters?: fc.Parameters<Ts>): void {
  const nothing: unknown = fc.assert(property, parameters);
  if (nothing !== undefined) throw new Error("expected a synchronous property");
}
