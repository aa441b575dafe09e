import { randomBytes } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";

/** Another agent answers where this one wants to, or has taken its place since. */
export class AnotherAgentError extends Error {
  override readonly name = "AnotherAgentError";
}

/**
 * The unix socket by which an agent is the one of its director. Of two that start in the same instant both may find nobody
 * there; so each binds a name of its own and moves it to the socket's, in one step, and whoever finds another's socket at its
 * place later ends: the last one stays.
 */
export class OwnSocket {
  private constructor(
    private readonly path: string,
    private readonly inode: bigint,
  ) {}

  /**
   * Has a server listen there, so that only this user can connect. A socket that is left from an agent that was killed is
   * replaced; one that is answered on is not. Let go of when the server is closed.
   *
   * @throws AnotherAgentError
   */
  static async take(server: Server, path: string): Promise<OwnSocket> {
    if (await isAnswered(path)) throw new AnotherAgentError(`another agent answers on ${path}`);
    // No longer than the name that it will have: a socket's path has 107 bytes at most.
    const own = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
    await listenPrivately(server, own);
    const taken = new OwnSocket(path, await inodeOf(own));
    await rename(own, path);
    server.once("close", () => void taken.#leave());
    return taken;
  }

  /**
   * One that was removed by hand is nobody's, and no reason to end.
   *
   * @throws AnotherAgentError
   */
  async requireOurs(): Promise<void> {
    const found = await inodeOf(this.path).catch(() => undefined);
    if (found === undefined || found === this.inode) return;
    throw new AnotherAgentError(
      `another agent has taken ${this.path}, and keeps the table from now on: this one ends`,
    );
  }

  async #leave(): Promise<void> {
    const found = await inodeOf(this.path).catch(() => undefined);
    // What stays is nobody's, and replaced by the next agent.
    if (found === this.inode) await rm(this.path, { force: true }).catch(() => undefined);
  }
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
}

async function inodeOf(path: string): Promise<bigint> {
  return (await stat(path, { bigint: true })).ino;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
