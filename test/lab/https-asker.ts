import assert from "node:assert/strict";
import type { Lab } from "../../lab";
import type { Identity } from "../unit/certificates";

/** What was answered; where there was no answer, why. */
export interface HttpsAnswer {
  readonly status?: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  readonly body?: any;
  readonly error?: string;
}

/** Where somebody asks from, and who he is. */
export interface HttpsAsker {
  /** A node of the lab. */
  readonly from: string;
  readonly host: string;
  readonly port: number;
  /** The authority that the server's certificate has to be of. */
  readonly ca: string;
  /** The client's own certificate; absent: he has none. */
  readonly identity?: Identity | undefined;
}

/** Makes the request that stands on its standard input, and prints the answer. Runs inside the lab. */
const ASK = `
const print = (answer) => console.log(JSON.stringify(answer));
require("node:stream/consumers").json(process.stdin).then(({ body, ...given }) => {
  const headers = body ? { "content-type": "application/json" } : {};
  const options = { ...given, headers, agent: false, timeout: 20000 };
  const request = require("node:https").request(options, async (response) => {
    const text = await require("node:stream/consumers").text(response);
    print({ status: response.statusCode, body: text ? JSON.parse(text) : undefined });
  });
  request.on("timeout", () => request.destroy(new Error("no answer within 20 s")));
  request.on("error", (error) => print({ error: (error.code ?? "") + " " + error.message }));
  request.end(body && JSON.stringify(body));
});
`;

/** Asks over HTTPS from a node of the lab, through the lab's own network. Keys travel on standard input alone. */
export async function askHttps(
  lab: Lab,
  { from, host, port, ca, identity }: HttpsAsker,
  method: string,
  path: string,
  body?: object,
): Promise<HttpsAnswer> {
  const given = { host, port, ca, ...identity, method, path, body };
  const { code, stdout, stderr } = await lab.exec(from, [process.execPath, "-e", ASK], {
    stdin: JSON.stringify(given),
  });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as HttpsAnswer;
}
