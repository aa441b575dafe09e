/** The content of a Secret, by key. */
export type SecretTexts = Readonly<Record<string, string>>;

/** Keys of a Secret that are header fields: `header.Authorization`. */
const HEADER = "header.";

/**
 * What of a check only a Secret may hold, as the Secret holds it: the password of `mysql` under `password`, each header
 * field of `http` under `header.NAME`. An annotation is read by whoever may read its object.
 *
 * @example checkSecrets({ headers: { Authorization: "Basic aGV5ZQ==" } }) // { "header.Authorization": "Basic aGV5ZQ==" }
 */
export function checkSecrets(check: {
  readonly password?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}): SecretTexts {
  const headers = Object.entries(check.headers ?? {}).map(([name, value]) => [`${HEADER}${name}`, value]);
  return {
    ...(check.password !== undefined && { password: check.password }),
    ...Object.fromEntries(headers),
  };
}
