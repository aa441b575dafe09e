/** Certificates made for a test. */
import { generate } from "selfsigned";

const HOUR_MS = 3_600_000;

/** A certificate and its key, both in PEM format. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says of its server; in date unless told otherwise. */
export interface Claims {
  /** Its common name. */
  readonly name?: string;
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  /** When its time begins and ends, in ms from now. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

/** An authority of that name, as its certificate and key. */
export async function authority(name: string): Promise<Identity> {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ...period({}),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  return { cert, key };
}

/** A server's certificate, signed by an authority, or else by itself. */
export async function issue(claims: Claims, by?: Identity): Promise<Identity> {
  const names = (claims.names ?? []).map((value) => ({ type: 2 as const, value }));
  const addresses = (claims.addresses ?? []).map((ip) => ({ type: 7 as const, ip }));
  const { cert, private: key } = await generate(
    [{ name: "commonName", value: claims.name ?? "heye test server" }],
    {
      keyType: "ec",
      algorithm: "sha256",
      ...period(claims),
      extensions: [{ name: "subjectAltName", altNames: [...names, ...addresses] }],
      ...(by && { ca: { cert: by.cert, key: by.key } }),
    },
  );
  return { cert, key };
}

function period({ fromMs = -HOUR_MS, untilMs = HOUR_MS }: Claims) {
  return { notBeforeDate: new Date(Date.now() + fromMs), notAfterDate: new Date(Date.now() + untilMs) };
}
