/** Asks the world through the lab's control socket. */
import { closeSync, openSync } from "node:fs";
import { request } from "node:http";
import { errnoOf, NoLabError, WorldError } from "./errors";

/** A connection to the control server of one lab. */
export class ControlClient {
  readonly #dir: string;
  readonly #token: string;

  /** `dir` is the lab's folder. */
  constructor(dir: string, token: string) {
    this.#dir = dir;
    this.#token = token;
  }

  /**
   * Sends one request and returns the answer. Waits without limit: what may take long has a limit of its own.
   * Throws NoLabError when the lab is gone, WorldError with the world's reason when it refuses.
   */
  async ask<T>(verb: string, body: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const { status, text } = await this.#post(verb, JSON.stringify(body));
    const answer = JSON.parse(text) as T & { error?: string };
    if (status !== 200) throw new WorldError(`${verb}: ${answer.error ?? `status ${status}`}`);
    return answer;
  }

  #post(verb: string, body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        const gone = ["ENOENT", "ECONNREFUSED", "ECONNRESET"].includes(errnoOf(error) ?? "");
        reject(
          gone
            ? new NoLabError(`The lab does not answer (${error.message}). Bring it up again: heye lab up`)
            : error,
        );
      };
      let folder: number;
      try {
        // A socket's path is limited to 107 bytes; the way through an open folder is short wherever the clone lies.
        folder = openSync(this.#dir, "r");
      } catch (error) {
        return failed(error as Error);
      }
      const call = request({
        socketPath: `/proc/self/fd/${folder}/control.sock`,
        path: `/${verb}`,
        method: "POST",
        headers: { authorization: `Bearer ${this.#token}`, "content-length": Buffer.byteLength(body) },
        agent: false,
      });
      call.on("close", () => closeSync(folder));
      call.on("error", failed);
      call.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", failed);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.end(body);
    });
  }
}
