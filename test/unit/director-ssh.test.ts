import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { Server, type ServerConfig, utils } from "ssh2";
import { connectionKey, NotCapableError, SessionPool, UnexpectedAnswerError } from "../../director";
import { PendingDials } from "../../director/pending-dials";
import { parseRegistry } from "../../director/registry-format";
import { pauseMs } from "../../director/session-pool";
import { SshSession } from "../../director/ssh-session";
import { parseAnswer } from "../../director/state";
import { Turnstile } from "../../director/turnstile";
import type { HostConnection } from "../../spec";
import { ed25519Key } from "./ed25519-key";

const keys = {
  ed25519: ed25519Key(),
  ecdsa: utils.generateKeyPairSync("ecdsa", { bits: 256 }),
};
const other = ed25519Key();

/** An sshd on loopback that takes the password "right"; counts who comes and who is still there. */
async function host(
  test: (connection: HostConnection, seen: { knocks: number; open: Set<net.Socket> }) => Promise<void>,
  config: ServerConfig = { hostKeys: [keys.ed25519.private] },
): Promise<void> {
  const seen = { knocks: 0, open: new Set<net.Socket>() };
  const server = new Server(config, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      if (context.method === "password" && context.password === "right") context.accept();
      else context.reject(["password", "publickey"]);
    });
  });
  const listener = (server as unknown as { _srv: net.Server })._srv;
  listener.on("connection", (socket: net.Socket) => {
    seen.knocks += 1;
    seen.open.add(socket);
    socket.on("close", () => seen.open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as net.AddressInfo;
  try {
    await test({ host: "127.0.0.1", port, password: "right", hostKey: keys.ed25519.public }, seen);
  } finally {
    for (const socket of seen.open) socket.destroy();
    server.close();
  }
}

async function allClosed(open: ReadonlySet<net.Socket>): Promise<void> {
  for (let waits = 0; open.size > 0 && waits < 100; waits++)
    await new Promise((done) => setTimeout(done, 10));
  assert.equal(open.size, 0, "a socket was left open");
}

describe("a login", () => {
  const agentSocketPath = "/nowhere/agent.socket";
  const fails = async (change: Partial<HostConnection>, name: string, message: RegExp) =>
    host(async (connection, { open }) => {
      await assert.rejects(SshSession.open("lb1", { ...connection, ...change }), { name, message });
      await allClosed(open);
    });

  it("goes on when the agent's socket is missing", () =>
    host(async (connection) => {
      const refusedFirst = { ...connection, agentSocketPath, privateKey: other.private };
      const session = await SshSession.open("lb1", refusedFirst);
      assert.equal(session.closed, false);
      session.close();
    }));

  it("that is refused names the agent's socket when it could not be used", () =>
    fails(
      { password: undefined, agentSocketPath },
      "LoginError",
      /refused to log in root \(tried: agentSocketPath\)\. The agent's socket could not be used \(.+\): check agentSocketPath/,
    ));

  it("that is refused without an agent says nothing of one", () =>
    fails({ password: "wrong" }, "LoginError", /\(tried: password\)\. Check user/));

  it("to a host with another key is a matter of its key", () =>
    fails({ hostKey: other.public }, "HostKeyError", /has another host key than declared/));

  it("with a broken private key is a matter of that", () =>
    fails({ privateKey: "no key" }, "PrivateKeyError", /private key cannot be read/));

  it("to a host without a key of the declared kind is that, and not tried again", () =>
    host(
      async (connection, seen) => {
        const pool = new SessionPool();
        await assert.rejects(pool.get("lb1", connection), {
          name: "HostKeyKindError",
          message: /has no host key of the declared kind: expected ssh-ed25519.*ssh-keyscan/,
        });
        assert.equal(seen.knocks, 1);
        await allClosed(seen.open);
      },
      { hostKeys: [keys.ecdsa.private] },
    ));

  it("to a host that is dead is not waited for again by what comes next, where that is asked for", async () => {
    let knocks = 0;
    const silent = net.createServer((socket) => {
      knocks++;
      socket.on("error", () => undefined);
    });
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as net.AddressInfo;
    const dead = { host: "127.0.0.1", port, hostKey: other.public, dialErrorLimit: 1, perDialTimeout: 0.3 };
    const isUnreachable = {
      name: "UnreachableError",
      message: /lb[12]: cannot reach 127\.0\.0\.1:\d+ over SSH \(1 attempt\)/,
    };
    try {
      for (const [factor, expected] of [
        [1_000, 1],
        [0, 2],
      ] as const) {
        knocks = 0;
        const pool = new SessionPool(factor);
        await assert.rejects(pool.get("lb1", dead), isUnreachable);
        await assert.rejects(pool.get("lb2", dead), isUnreachable);
        assert.equal(knocks, expected);
      }
    } finally {
      silent.close();
    }
  });

  it("is shared by calls that overlap, however the connection is spelled", () =>
    host(async (connection, seen) => {
      const pool = new SessionPool();
      const turned = Object.fromEntries(Object.entries(connection).reverse()) as HostConnection;
      const [one, two] = await Promise.all([pool.get("lb1", connection), pool.get("lb1", turned)]);
      assert.equal(one, two);
      assert.equal(seen.knocks, 1);
      await pool.closeAll();
    }));
});

describe("connections", () => {
  it("are told apart by what they say, not by its order", () => {
    const proxy = { host: "b", user: "u" };
    assert.equal(
      connectionKey({ host: "a", port: 1, proxy }),
      connectionKey({ proxy: { user: "u", host: "b" }, port: 1, host: "a" }),
    );
    assert.notEqual(
      connectionKey({ host: "a", proxy }),
      connectionKey({ host: "a", proxy: { ...proxy, user: "v" } }),
    );
  });

  it("are tried again after pauses that grow and differ", () => {
    assert.deepEqual(
      [1, 2, 9].map((failures) => pauseMs(failures, () => 0)),
      [50, 100, 1_000],
    );
    assert.deepEqual(
      [1, 2, 9].map((failures) => pauseMs(failures, () => 1)),
      [100, 200, 2_000],
    );
  });

  it("go through a bastion so many at a time, and all of them do", async () => {
    const turnstile = new Turnstile(10);
    let [inside, most, done] = [0, 0, 0];
    const dial = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      if (++done % 3 === 0) throw new Error("unreachable");
    };
    await Promise.allSettled(Array.from({ length: 254 }, () => turnstile.run(dial)));
    assert.deepEqual([most, done], [10, 254]);
  });
});

describe("dials that cannot be called back", () => {
  class Channel {
    closed = false;
    close() {
      this.closed = true;
    }
  }
  const setUp = () => {
    const clock = { now: 0 };
    const made: { resolve: (channel: Channel) => void; reject: (error: Error) => void }[] = [];
    const dials = new PendingDials<Channel>(() => clock.now);
    const open = () => new Promise<Channel>((resolve, reject) => made.push({ resolve, reject }));
    /** A dial that is given up at once. */
    const giveUp = async () => {
      const caller = new AbortController();
      const dial = dials.take("s:1", open, caller.signal);
      caller.abort(new Error("gave up"));
      await assert.rejects(dial, /gave up/);
    };
    return { clock, made, dials, open, giveUp };
  };
  const patient = new AbortController().signal;

  it("are taken over by the next, which gets what opens", async () => {
    const { made, dials, open, giveUp } = setUp();
    await giveUp();
    const next = dials.take("s:1", open, patient);
    assert.equal(made.length, 1);
    const channel = new Channel();
    made[0]?.resolve(channel);
    assert.equal(await next, channel);
    assert.equal(channel.closed, false);
  });

  it("block a fresh one for 5 s only, and are never more than two", async () => {
    const { clock, made, dials, open, giveUp } = setUp();
    for (clock.now = 0; clock.now < 5_000; clock.now += 1_000) await giveUp();
    assert.equal(made.length, 1);
    for (; clock.now < 60_000; clock.now += 1_000) await giveUp();
    assert.equal(made.length, 2);
    const [old, fresh] = [new Channel(), new Channel()];
    const next = dials.take("s:1", open, patient);
    made[1]?.resolve(fresh);
    assert.equal(await next, fresh);
    made[0]?.resolve(old);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([old.closed, fresh.closed], [true, false]);
  });

  it("that fail while nobody waits are forgotten", async () => {
    const { made, dials, open, giveUp } = setUp();
    await giveUp();
    made[0]?.reject(new Error("refused"));
    await new Promise((resolve) => setImmediate(resolve));
    const next = dials.take("s:1", open, patient);
    assert.equal(made.length, 2);
    made[1]?.reject(new Error("refused again"));
    await assert.rejects(next, /refused again/);
  });
});

describe("what a director says", () => {
  const answer = (text: string) =>
    parseAnswer("lb1", { kernel: "6.1.0", id: "1", text, status: 0 }, { known: undefined });
  const state = (registry: string, table: string) =>
    `heye 2 state\n= registry text\n${registry}= table text\n${table}= messages\n`;

  it("is never blamed on nobody", () => {
    assert.throws(
      () => answer(state("", "-A -t nonsense\n")),
      (error) => {
        assert.ok(error instanceof UnexpectedAnswerError);
        assert.match(
          error.message,
          /^director lb1: expected an IPVS table .* found "-A -t nonsense"\. Is `ipvsadm`/,
        );
        return true;
      },
    );
    assert.throws(
      () => answer(state('{"format":1,"owners":{"a":{}}}\n', "")),
      /^UnexpectedAnswerError: director lb1: .*registry of format 1 or 2/,
    );
  });

  it("about permissions is not taken for a missing module", () => {
    const denied =
      "Can't initialize ipvs: Permission denied (you must be root)\nAre you sure that IP Virtual Server is built in the kernel or as module?";
    assert.throws(
      () => answer(state("", `${denied}\n`)),
      (error) => {
        assert.ok(error instanceof NotCapableError);
        assert.match(error.message, /the login may not do this/);
        return true;
      },
    );
    assert.throws(
      () => answer(state("", "Can't initialize ipvs: Protocol not available\n")),
      /gives no access to IPVS/,
    );
  });
});

describe("a registry's text", () => {
  const member = { address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat" };
  const registration = {
    protocol: "tcp",
    address: "192.0.2.1",
    port: 80,
    resource: "web",
    scheduler: "rr",
    pool: "inline",
    members: [member],
  };
  const text = (change: object) =>
    JSON.stringify({
      format: 1,
      owners: { a: { label: "l", virtualServers: { "tcp 192.0.2.1:80": { ...registration, ...change } } } },
    });

  it("keeps what a newer version added", () => {
    const given = text({
      token: "t",
      later: { deep: [1] },
      members: [{ ...member, token: "u", later: null }],
    });
    assert.deepEqual(parseRegistry(given), { owners: JSON.parse(given).owners });
  });

  it("is refused as a whole when any part is not what it must be", () => {
    const bad = [
      '{"format":1,"owners":{"a":{}}}',
      '{"format":1,"owners":[]}',
      '{"format":1,"owners":{"a":null}}',
      "null",
      "[]",
      "{",
    ];
    const changes = [
      { members: [null] },
      { members: {} },
      { members: [{ ...member, weight: "1" }] },
      { protocol: "icmp" },
      { resource: 1 },
    ];
    for (const one of [...bad, ...changes.map(text)]) assert.equal(parseRegistry(one), undefined, one);
  });
});
