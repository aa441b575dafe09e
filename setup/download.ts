import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { ChecksumMismatch, DownloadFailed } from "./errors";

/** Where nobody has answered after this time, in milliseconds, we look for another way. */
const ANSWER_WITHIN = 5_000;
/** A transfer that stands still for this long, in milliseconds, is given up. */
const STALLED_AFTER = 20_000;

/**
 * The text behind an https address, for small files such as lists of checksums.
 *
 * @param answerWithin the milliseconds after which a silent server is given up
 * @throws DownloadFailed when nobody answers within seconds, or the answer is an error
 */
export async function downloadText(url: string, answerWithin = ANSWER_WITHIN): Promise<string> {
  const { body, close } = await open(url, answerWithin);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer);
  } catch (error) {
    throw failed(url, error);
  } finally {
    close();
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Writes what is behind an https address to `file`, and makes sure that it is what was promised.
 *
 * @param sha256 the digest in hexadecimal
 * @throws DownloadFailed when nobody answers within seconds, or the transfer is cut or stands still
 * @throws ChecksumMismatch when the content is another one
 */
export async function downloadFile(url: string, file: string, sha256: string): Promise<void> {
  const { body, close, alive } = await open(url, ANSWER_WITHIN);
  const hash = createHash("sha256");
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      alive();
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(body, watch, createWriteStream(file));
  } catch (error) {
    throw failed(url, error);
  } finally {
    close();
  }
  const found = hash.digest("hex");
  if (found === sha256.toLowerCase()) return;
  throw new ChecksumMismatch({
    expected: `the SHA-256 of ${url} to be ${sha256}`,
    found,
    next: "run the same command again; if it stays so, something between here and the site changes downloads",
  });
}

/**
 * The digest of `name` in a list as sha256sum writes it.
 *
 * @throws DownloadFailed when the list has no line for it
 */
export function digestOf(name: string, list: string): string {
  for (const line of list.split("\n")) {
    const [digest, file] = line.trim().split(/\s+\*?/);
    if (file === name && digest !== undefined && /^[0-9a-f]{64}$/i.test(digest)) return digest;
  }
  throw new DownloadFailed({
    expected: `a SHA-256 of ${name} in the publisher's list`,
    found: "a list without it",
    next: "see whether the publisher has changed the names of his files",
  });
}

interface Transfer {
  readonly body: Readable;
  /** To be called when data has come; else the transfer counts as stalled. */
  alive(): void;
  /** To be called at the end, whatever it is. */
  close(): void;
}

async function open(url: string, answerWithin: number): Promise<Transfer> {
  const abort = new AbortController();
  const expire = (limit: number): NodeJS.Timeout =>
    setTimeout(() => abort.abort(new Error(`no data for ${limit / 1000} s`)), limit);
  let timer = expire(answerWithin);
  const alive = (): void => {
    clearTimeout(timer);
    timer = expire(STALLED_AFTER);
  };
  const close = (): void => clearTimeout(timer);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || response.body === null)
      throw new Error(`it answered ${response.status} ${response.statusText}`);
    alive();
    return { body: Readable.fromWeb(response.body as ReadableStream), alive, close };
  } catch (error) {
    close();
    throw failed(url, error);
  }
}

function failed(url: string, error: unknown): DownloadFailed {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new DownloadFailed(
    {
      expected: `to download ${url}`,
      found: cause instanceof Error ? cause.message : String(cause),
      next: "look at the network and its proxy (HTTPS_PROXY), then run the same command again",
    },
    { cause: error },
  );
}
