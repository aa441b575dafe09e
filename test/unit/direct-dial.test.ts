import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import * as net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import * as tls from "node:tls";
import { type Dial, directDial, runCheck } from "../../health";
import { issue } from "./certificates";
import { never, serve, settings } from "./health-server";
import { greeting, ok } from "./mysql-packets";

/** How many connections to this port the kernel keeps in TIME_WAIT on the client's side. */
function timeWaits(port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1);
  const fields = rows.map((row) => row.trim().split(/\s+/));
  return fields.filter(([, , to, state]) => to?.endsWith(remote) && state === "06").length;
}

/** Makes one check, and looks at what is left of it when the server's side is closed. */
async function leavesNothing(server: net.Server, check: object): Promise<void> {
  let closed: Promise<unknown> | undefined;
  server.on("connection", (socket: net.Socket) => {
    socket.on("error", () => undefined);
    closed ??= new Promise((resolve) => socket.once("close", resolve));
  });
  await serve(server, async (target) => {
    const result = await runCheck(settings(check), target, directDial(), never);
    assert.equal(result.healthy, true, result.answer);
    await closed;
    await delay(20);
    assert.equal(timeWaits(target.port), 0);
  });
}

/** A page of a server that leaves it to its clients to close. */
function page(socket: net.Socket): void {
  socket.on("error", () => undefined);
  socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nall is well"));
}

describe("dialling from the director itself", () => {
  it("leaves nothing in TIME_WAIT after a tcp check", () =>
    leavesNothing(
      net.createServer((socket) => socket.resume()),
      { type: "tcp" },
    ));

  it("leaves nothing in TIME_WAIT after an http check", () =>
    leavesNothing(net.createServer(page), { type: "http" }));

  it("leaves nothing in TIME_WAIT after an http check that reads the body", () =>
    leavesNothing(net.createServer(page), { type: "http", method: "GET", bodyRegex: "well" }));

  it("leaves nothing in TIME_WAIT after an https check", async () => {
    const identity = await issue({ addresses: ["127.0.0.1"] });
    await leavesNothing(tls.createServer(identity, page), { type: "http", tls: { ca: identity.cert } });
  });

  it("says goodbye to MySQL before it goes, and lets the server go first", async () => {
    const heard: string[] = [];
    const server = net.createServer((socket) => {
      socket.write(greeting("mysql_native_password"));
      socket.on("data", (data) => {
        const command = data[3] === 0 ? data[4] : "login";
        heard.push(command === 1 ? "quit" : "ask");
        if (command === 1) socket.end();
        else socket.write(ok((data[3] ?? 0) + 1));
        // A server that is slow to read must find the goodbye, and no reset in its place.
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      });
    });
    await leavesNothing(server, { type: "mysql", user: "heye" });
    assert.deepEqual(heard, ["ask", "ask", "quit"]);
  });

  it("says why it could not connect", async () => {
    const closed = { address: "127.0.0.1", port: 1 };
    await assert.rejects(directDial()(closed, never), { message: "cannot connect: ECONNREFUSED" });
  });

  it("says what the system had to say only where that refused to begin, not what the network answered", async () => {
    const closed = { address: "127.0.0.1", port: 1 };
    const refusal = (dial: Dial) =>
      dial(closed, never).then(
        () => assert.fail("it connected"),
        (error: Error) => error,
      );
    assert.equal((await refusal(directDial())).cause, undefined);
    const { cause } = await refusal(directDial({ sourceAddress: "192.0.2.1" }));
    assert.equal((cause as NodeJS.ErrnoException).code, "EADDRNOTAVAIL");
  });

  it("ends when it is told to, and leaves no socket", async () => {
    const end = new AbortController();
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP")).length;
    const before = sockets();
    const dialled = directDial()({ address: "127.0.0.1", port: 1 }, end.signal);
    end.abort(new Error("enough"));
    await assert.rejects(dialled, /enough/);
    await assert.rejects(directDial()({ address: "127.0.0.1", port: 1 }, end.signal), /enough/);
    await delay(20);
    assert.ok(sockets() <= before);
  });

  it("says nothing of a server where the director cannot even begin: an address of its own of the other family", async () => {
    const check = settings({ type: "tcp", sourceAddress: "2001:db8::1" });
    const result = await runCheck(check, { address: "127.0.0.1", port: 1 }, directDial(), never);
    assert.deepEqual(result, { healthy: false, answer: "cannot connect: EINVAL", inconclusive: true });
  });

  it("comes from the address it is told to", () => {
    const server = net.createServer((socket) => socket.on("error", () => undefined));
    return serve(server, async (target) => {
      const [[socket]] = await Promise.all([
        once(server, "connection") as Promise<[net.Socket]>,
        directDial({ sourceAddress: "127.0.0.7" })(target, never).then((stream) => stream.destroy()),
      ]);
      assert.equal(socket.remoteAddress ?? "127.0.0.7", "127.0.0.7");
    });
  });

  it("resets a connection although its server reads nothing of what was sent", () => {
    const server = net.createServer({ pauseOnConnect: true });
    return serve(server, async (target) => {
      const stream = await directDial()(target, never);
      stream.write(Buffer.alloc(8 * 1024 * 1024));
      stream.destroy();
      await once(stream, "close");
      assert.equal(timeWaits(target.port), 0);
    });
  });
});
