import assert from "node:assert/strict";
import type { Site } from "./site";

/** Opens connections, asks on each again and again until a file is there, then closes them and prints what it got. */
const HOLD = `
const { existsSync, writeFileSync } = require("node:fs");
const { connect } = require("node:net");
const [host, port, count, name, silentMs] = process.argv.slice(1);
let opened = 0;
const hold = () => new Promise((resolve) => {
  const socket = connect(Number(port), host);
  const result = { server: "", answers: 0, lost: "" };
  let timer;
  const ask = () => { timer = setTimeout(() => { result.lost = "silent"; socket.destroy(); }, Number(silentMs)); socket.write("?\\n"); };
  socket.setNoDelay(true);
  socket.on("connect", ask);
  socket.on("error", (error) => { result.lost = error.code; });
  socket.on("data", (text) => {
    clearTimeout(timer);
    result.server = String(text).trim();
    if (++result.answers === 1 && ++opened === Number(count)) writeFileSync("/tmp/" + name + ".open", "");
    if (existsSync("/tmp/" + name + ".stop")) socket.end();
    else setTimeout(ask, 50);
  });
  socket.on("close", () => { clearTimeout(timer); resolve(result); });
});
Promise.all(Array.from({ length: Number(count) }, hold)).then((all) => console.log(JSON.stringify(all)));
`;

/** What came of a connection. */
export interface HeldConnection {
  /** Who answered last. */
  readonly server: string;
  readonly answers: number;
  /** Why it ended before it was told to; empty when it did not. */
  readonly lost: string;
}

/** Long-lived connections from a lab's client, on each of which something is said all the time. */
export class HeldConnections {
  private constructor(
    private readonly site: Site,
    private readonly name: string,
    private readonly ended: Promise<HeldConnection[]>,
  ) {}

  /**
   * Opens so many, and returns when each has been answered.
   *
   * @param silentMs one on which nothing is answered for so long is lost
   */
  static async open(
    site: Site,
    host: string,
    port: number,
    count: number,
    silentMs = 5_000,
  ): Promise<HeldConnections> {
    const name = `held-${host}-${port}-${process.hrtime.bigint()}`;
    const argv = [process.execPath, "-e", HOLD, host, String(port), String(count), name, String(silentMs)];
    const ended = site.lab.exec("client", argv, { timeoutMs: 240_000 }).then(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as HeldConnection[];
    });
    const open = site.on("client", "sh", "-c", `while [ ! -e /tmp/${name}.open ]; do sleep 0.05; done`);
    await Promise.race([open, ended.then((all) => assert.fail(`they ended: ${JSON.stringify(all)}`))]);
    return new HeldConnections(site, name, ended);
  }

  /** Closes those that are still there. @returns what came of each */
  async close(): Promise<HeldConnection[]> {
    await this.site.on("client", "touch", `/tmp/${this.name}.stop`);
    return this.ended;
  }
}
