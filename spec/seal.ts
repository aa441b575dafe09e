import { deflateRawSync, inflateRawSync } from "node:zlib";

/**
 * What handles of clusters say alike, the most frequent last, as deflate wants it. It is a part of the format: a text that
 * was sealed with it lies in states for years, so it never changes; a better one gets a mark of its own.
 */
const ALIKE = Buffer.from(
  [
    '"rollout":{"canary":"waveSize":"pauseMs":"maxFailures":"unreachable":"skip"',
    '"driftPolicy":"report""mode":"agent""insecureIgnoreHostKey":true"dialErrorLimit":"perDialTimeout":',
    '"agentSocketPath":"privateKeyPassword":"password":"proxy":{"port":22',
    "-----BEGIN RSA PRIVATE KEY-----\\n-----END RSA PRIVATE KEY-----\\n",
    '"hostKey":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"}},{"name":"","connection":{"host":"],"directors":[{"name":"',
    '{"id":"","label":" Cluster ","connection":{"user":"root","privateKey":"-----BEGIN OPENSSH PRIVATE KEY-----\\n',
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAAC",
    '\\n-----END OPENSSH PRIVATE KEY-----\\n"',
  ].join(""),
);

/** Begins a text that was sealed with that; none in base64 begins so, as older ones do. */
const MARK = ".";

/**
 * A value of plain JSON as one short text. Pulumi's SDK and engine treat every leaf of a secret object by itself, and keep it
 * in each resource that has it; a text is one leaf. It hides nothing: whatever keeps it has to keep it secret.
 */
export function seal(value: unknown): string {
  const packed = deflateRawSync(JSON.stringify(value), { level: 9, dictionary: ALIKE });
  return `${MARK}${packed.toString("base64")}`;
}

/**
 * The value of a sealed text.
 *
 * @throws Error when it is not one
 */
export function unseal(text: string): unknown {
  const isMarked = text.startsWith(MARK);
  const packed = Buffer.from(isMarked ? text.slice(MARK.length) : text, "base64");
  return JSON.parse(inflateRawSync(packed, isMarked ? { dictionary: ALIKE } : {}).toString("utf8"));
}
