/** What a resource knows itself by on a director. */
export interface Claim {
  readonly resource?: string;
  readonly token?: string;
  /** Type of the component that it is part of; absent: none. */
  readonly parent?: string;
}

/** Whether a registration is that resource's and no other's. States of old have no token and go by their name. */
export function holds(registration: Claim, claim: Claim): boolean {
  if (claim.token === undefined) return registration.resource === claim.resource;
  return registration.token === claim.token;
}

/**
 * Whether a resource may write over a registration: its own, or what a killed run of its own name left. A component of another
 * type may have one of that name too, and is not it.
 */
export function isSame(registration: Claim, wanted: Claim): boolean {
  const isNamesake = registration.resource === wanted.resource && registration.parent === wanted.parent;
  return isNamesake || holds(registration, wanted);
}
