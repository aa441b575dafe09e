import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { directDial, type Target } from "../../health";
import { until } from "./agent-site";
import { never } from "./health-server";

type Heard = [message: Buffer, from: AddressInfo];

/** Something on loopback that takes datagrams, for as long as a test runs. */
async function listening(test: (server: dgram.Socket, target: Target) => Promise<void>): Promise<void> {
  const server = dgram.createSocket("udp4");
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { address, port } = server.address();
    await test(server, { address, port, transport: "udp" });
  } finally {
    server.close();
  }
}

/** A port of loopback that nobody listens on. */
const DEAF: Target = { address: "127.0.0.1", port: 1, transport: "udp" };

const failureOf = (dialled: Promise<unknown>): Promise<Error> =>
  dialled.then(
    () => assert.fail("it dialled"),
    (error: Error) => error,
  );

describe("dialling over UDP from the director itself", () => {
  it("sends each write as one datagram, and gives each that comes as one chunk", () =>
    listening(async (server, target) => {
      const stream = await directDial()(target, never);
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.write("first");
      const [first, { port, address }] = (await once(server, "message")) as Heard;
      stream.write("second");
      const [second] = (await once(server, "message")) as Heard;
      assert.deepEqual([String(first), String(second)], ["first", "second"]);
      for (const answer of ["a", "", "b"]) server.send(answer, port, address);
      while (chunks.length < 3) await once(stream, "data");
      assert.deepEqual(chunks.map(String), ["a", "", "b"]);
      stream.destroy();
    }));

  it("hears the server alone", () =>
    listening((server, target) =>
      listening(async (stranger) => {
        const stream = await directDial()(target, never);
        stream.write("?");
        const [, { port, address }] = (await once(server, "message")) as Heard;
        await new Promise((sent) => stranger.send("mine", port, address, sent));
        server.send("the server's", port, address);
        const [heard] = (await once(stream, "data")) as [Buffer];
        assert.equal(String(heard), "the server's");
        stream.destroy();
      }),
    ));

  it("fails at once where nobody listens, which is the network's word and not this host's", async () => {
    const stream = await directDial()(DEAF, never);
    const failed = once(stream, "error");
    stream.write("?");
    const [error] = (await failed) as [Error];
    assert.deepEqual([error.message, error.cause], ["cannot connect: ECONNREFUSED", undefined]);
  });

  it("speaks IPv6 with who has such an address", async () => {
    const dialled = directDial()({ ...DEAF, address: "::1" }, never);
    const failed = dialled.then(async (stream) => {
      stream.write("?");
      await once(stream, "data");
    });
    // Refused by the port, or by a host without IPv6; a socket of the other family says EINVAL.
    assert.match((await failureOf(failed)).message, /ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT|ENETUNREACH/);
  });

  it("says what the system had to say where that refused to begin", async () => {
    const absent = await failureOf(directDial({ sourceAddress: "192.0.2.1" })(DEAF, never));
    assert.equal(absent.message, "cannot connect: EADDRNOTAVAIL");
    assert.equal((absent.cause as NodeJS.ErrnoException).code, "EADDRNOTAVAIL");
    const otherFamily = await failureOf(directDial()({ ...DEAF, sourceAddress: "2001:db8::1" }, never));
    assert.equal((otherFamily.cause as NodeJS.ErrnoException).code, "EINVAL");
  });

  it("comes from the address it is told to", () =>
    listening(async (server, target) => {
      const dial = directDial({ sourceAddress: "127.0.0.8" });
      const stream = await dial({ ...target, sourceAddress: "127.0.0.7" }, never);
      stream.write("?");
      const [, { address }] = (await once(server, "message")) as Heard;
      assert.equal(address, "127.0.0.7");
      stream.destroy();
    }));

  it("ends when it is told to, and leaves no socket", () =>
    listening(async (_, target) => {
      const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith("UDP")).length;
      const before = sockets();
      assert.ok(before > 0, "the test's own server is not seen");
      const end = new AbortController();
      const stream = await directDial()(target, end.signal);
      const dialled = failureOf(directDial()(target, end.signal));
      end.abort(new Error("enough"));
      assert.equal((await dialled).message, "enough");
      assert.equal((await failureOf(directDial()(target, end.signal))).message, "enough");
      if (!stream.closed) await once(stream, "close");
      // Those of earlier tests may still be closing when they are counted.
      await until(
        () => sockets() <= before,
        () => `${sockets()} sockets instead of ${before}`,
      );
    }));

  it("keeps no more than a few datagrams that nobody reads", () =>
    listening(async (server, target) => {
      const stream = await directDial()(target, never);
      stream.write("?");
      const [, { port, address }] = (await once(server, "message")) as Heard;
      for (let sent = 0; sent < 100; sent++)
        await new Promise((done) => server.send(String(sent), port, address, done));
      await delay(50);
      assert.ok(stream.readableLength > 0 && stream.readableLength <= stream.readableHighWaterMark);
      stream.destroy();
    }));
});
