import { deepEqual, equal, match } from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Rates } from "../../agent/top/rates";
import { type Asked, directorsAt } from "../../cli/directors";
import { follow } from "../../cli/top";
import { until } from "./agent-site";

const FRAME = JSON.stringify({ at: 1, rates: [] });

/** A director that is looked at for hours. */
describe("a director that heye top follows", () => {
  const last = new Map<string, readonly Rates[]>();
  const said: string[] = [];
  let ending = new AbortController();
  let following = Promise.resolve();
  beforeEach(() => {
    last.clear();
    said.length = 0;
    ending = new AbortController();
  });
  afterEach(async () => {
    ending.abort();
    await following;
  });
  const begin = (asked: Asked) => {
    following = follow(asked, last, { retryMs: 5, say: (line) => said.push(line), signal: ending.signal });
  };
  const shows = (isShown: boolean) =>
    until(
      () => last.has("d1") === isShown,
      () => `shown: ${!isShown}`,
    );
  /** Each is one life of the command. */
  const director = (...lives: (() => AsyncIterable<string>)[]): Asked => ({
    name: "d1",
    run: () => Promise.reject(new Error("not asked")),
    lines: () => (lives.shift() ?? broken)(),
  });
  // biome-ignore lint/correctness/useYield: it fails before it has said anything
  async function* broken(): AsyncGenerator<string> {
    throw new Error("the connection is closed");
  }
  /** It says something, and ends when the signal is given. */
  const lifeUntil = (signal: AbortSignal) =>
    async function* living(): AsyncGenerator<string> {
      yield FRAME;
      await once(signal, "abort");
    };

  it("is shown again when it answers again, and is said to be silent once", async () => {
    const upgrade = new AbortController();
    begin(director(lifeUntil(upgrade.signal), broken, broken, lifeUntil(ending.signal)));
    await shows(true);
    upgrade.abort();
    await shows(false);
    await shows(true);
    deepEqual(said, ["d1: it has ended\n", "d1: the connection is closed\n"]);
  });

  it("is told of by its name, with the words of ssh", async () => {
    const folder = await mkdtemp(join(tmpdir(), "heye-top-"));
    const path = process.env.PATH;
    try {
      const ssh = join(folder, "ssh");
      await writeFile(ssh, "#!/bin/sh\necho 'connect to host d1: no route' >&2\nexit 255\n");
      await chmod(ssh, 0o700);
      process.env.PATH = `${folder}${delimiter}${path}`;
      const [asked] = await directorsAt({ host: ["d1"] });
      if (asked) begin(asked);
      await until(
        () => said.length > 0,
        () => "nothing is said",
      );
      match(said[0] ?? "", /^d1: connect to host d1: no route\n$/);
      equal(last.size, 0);
    } finally {
      ending.abort();
      await following;
      process.env.PATH = path;
      await rm(folder, { recursive: true });
    }
  });
});
