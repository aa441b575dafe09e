import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { type DirectorEntry, ExecTimeoutError, Lab, WorldError } from "../../lab";
import {
  balance,
  bracketed,
  connectionsOf,
  login,
  METHOD_NAMES,
  output,
  query,
  remote,
  webServers,
} from "./lab-tools";

/** How many requests a forwarding case makes: enough for every server and director to get some. */
const REQUESTS = 60;
const VIRTUAL = { v4: "192.0.2.10", v6: "2001:db8:100::10" } as const;

describe("lab: the world", () => {
  let lab: Lab;
  const directors = (): readonly DirectorEntry[] => lab.inventory.directors;

  before(async () => {
    lab = await Lab.up({ servers: 3 });
  });
  after(() => lab.down());

  describe("directors", () => {
    it("are logged in to over SSH, each with a host key of its own", async () => {
      const keys = new Set(directors().map((director) => director.hostKey));
      assert.equal(keys.size, 3);
      for (const director of directors()) {
        const client = await login(director);
        assert.equal(await remote(client, "hostname"), director.name);
        client.end();
      }
    });

    it("are not taken for one another", async () => {
      const [first, second] = directors();
      assert.ok(first && second);
      await assert.rejects(login({ ...first, hostKey: second.hostKey }), /Host denied/);
    });

    for (const folder of ["/etc", "/run", "/var/lib", "/tmp", "/root", "/usr/local", "/"])
      it(`never see what another writes to ${folder}`, async () => {
        const file = `${folder}/lab-test-file`;
        await output(lab, "d1", "touch", file);
        await output(lab, "d1", "test", "-e", file);
        for (const other of ["d2", "d3", "rs1", "client"])
          assert.equal((await lab.exec(other, ["test", "-e", file])).code, 1, other);
      });

    it("have process tables of their own", async () => {
      const ids = directors().map((director) => output(lab, director.name, "readlink", "/proc/1/ns/pid"));
      assert.equal(new Set(await Promise.all(ids)).size, 3);
      assert.equal(await output(lab, "d1", "cat", "/proc/1/comm"), "sh");
      const count = Number((await output(lab, "d1", "sh", "-c", "ls -d /proc/[0-9]* | wc -l")).trim());
      assert.ok(count < 10, `${count} processes`);
    });

    it("reap what is orphaned on them", async () => {
      await output(lab, "d1", "sh", "-c", "(sh -c 'exit 0' &) ; :");
      // The orphan's end is awaited by its new parent, PID 1: no zombie is left to be found.
      const zombies = "while grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do sleep 0.02; done";
      await output(lab, "d1", "sh", "-c", zombies);
    });

    it("have IPVS tables of their own", async () => {
      await output(lab, "d1", "ipvsadm", "-A", "-t", "192.0.2.99:80", "-s", "mh");
      assert.match(await output(lab, "d1", "ipvsadm", "-Sn"), /192\.0\.2\.99:80/);
      assert.equal(await output(lab, "d2", "ipvsadm", "-Sn"), "");
      await output(lab, "d1", "ipvsadm", "-C");
    });

    it("all have the rules that iptables wrote for the first", async () => {
      for (const program of ["iptables-legacy", "ip6tables-legacy"]) {
        const rules = directors().map(({ name }) => output(lab, name, program, "-t", "nat", "-S"));
        const [first, ...others] = await Promise.all(rules);
        assert.match(first ?? "", /^-A POSTROUTING -m ipvs .*-j MASQUERADE$/m);
        for (const other of others) assert.equal(other, first);
      }
    });

    it("let files be copied by SFTP", async () => {
      const [first] = directors();
      const client = await login(first ?? assert.fail());
      const entries = await new Promise<number>((resolve, reject) => {
        client.sftp((error, sftp) => {
          if (error) return reject(error);
          sftp.readdir("/etc/ssh", (failed, list) => (failed ? reject(failed) : resolve(list.length)));
        });
      });
      assert.ok(entries > 1);
      client.end();
    });
  });

  describe("exec", () => {
    it("passes input, arguments, output and the exit code as they are", async () => {
      const script = 'cat; printf "%s|" "$@" >&2; exit 7';
      const result = await lab.exec("rs1", ["sh", "-c", script, "-", "a b", "$c", "'"], { stdin: "in\n" });
      assert.deepEqual(result, { code: 7, stdout: "in\n", stderr: "a b|$c|'|" });
    });

    it("says 127 for a program that is not there", async () => {
      assert.equal((await lab.exec("d1", ["no-such-program"])).code, 127);
    });

    it("kills what runs too long", async () => {
      await assert.rejects(lab.exec("d1", ["sleep", "600"], { timeoutMs: 100 }), ExecTimeoutError);
    });

    it("names the nodes there are when asked for another", async () => {
      await assert.rejects(
        lab.exec("d7", ["true"]),
        (error) => error instanceof WorldError && /d1, d2, d3/.test(error.message),
      );
    });
  });

  describe("forwarding", () => {
    for (const network of Object.values(VIRTUAL))
      for (const [i, method] of METHOD_NAMES.entries()) {
        // An address of its own for each case: entries of closed connections stay for two minutes.
        const virtual = network.replace(/10$/, String(20 + i));
        it(`carries HTTP by ${method} to ${virtual} through all directors to all servers`, async () => {
          await balance(lab, "tcp", virtual, 8080, method);
          await lab.resetCounts();
          const url = `http://${bracketed(virtual)}:8080/`;
          const report = await lab.traffic({ url, requests: REQUESTS, concurrency: 8 });
          assert.deepEqual(report.errors, {});
          assert.equal(report.requests, REQUESTS);
          const counts = await lab.serverCounts();
          for (const { name } of webServers(lab)) {
            assert.ok((report.servers[name] ?? 0) > 0, name);
            assert.equal(counts[name]?.http, report.servers[name]);
          }
          const connections = await Promise.all(
            directors().map(({ name }) => connectionsOf(lab, name, virtual)),
          );
          assert.ok(
            connections.every((count) => count > 0),
            String(connections),
          );
          assert.equal(
            connections.reduce((a, b) => a + b),
            REQUESTS,
          );
        });

        it(`carries UDP by ${method} to ${virtual}`, async () => {
          await balance(lab, "udp", virtual, 7000, method);
          const url = `udp://${bracketed(virtual)}:7000`;
          const report = await lab.traffic({ url, requests: REQUESTS });
          assert.deepEqual(report.errors, {});
          assert.deepEqual(Object.keys(report.servers).sort(), ["rs1", "rs2", "rs3"]);
        });
      }

    it("carries lines of TCP, and counts checks apart", async () => {
      await balance(lab, "tcp", VIRTUAL.v4, 7000, "nat");
      await lab.resetCounts();
      const report = await lab.traffic({ url: `tcp://${VIRTUAL.v4}:7000`, requests: REQUESTS });
      assert.deepEqual(report.errors, {});
      const check = "exec 3<>/dev/tcp/10.20.1.2/7000; exec 3>&-";
      await output(lab, "d1", "bash", "-c", check);
      const counts = await untilCounts(lab, (all) => all.rs1?.tcpBare === 1);
      assert.equal((counts.rs1?.tcp ?? 0) + (counts.rs2?.tcp ?? 0) + (counts.rs3?.tcp ?? 0), REQUESTS);
    });
  });

  describe("the database", () => {
    it("lets the check's account read and the application's write", async () => {
      const [first] = directors();
      const client = await login(first ?? assert.fail());
      const mysql = lab.inventory.mysql ?? assert.fail();
      const { application } = mysql;
      const ask = (user: string, password: string, sql: string): Promise<unknown> =>
        query(client, lab, user, password, sql);
      assert.deepEqual(await ask(mysql.user, mysql.password, "SELECT 1 AS one"), [{ one: 1 }]);
      await ask(application.user, application.password, "CREATE TABLE shop.orders (id INT)");
      assert.deepEqual(await ask(mysql.user, mysql.password, "SELECT * FROM shop.orders"), []);
      await assert.rejects(ask(mysql.user, mysql.password, "DROP TABLE shop.orders"), /denied/);
      await assert.rejects(ask(mysql.user, "wrong", "SELECT 1"), /denied/);
      client.end();
    });
  });

  describe("faults", () => {
    const url = `http://${VIRTUAL.v4}:8080/`;
    const failures = async (requests = REQUESTS): Promise<Readonly<Record<string, number>>> =>
      (await lab.traffic({ url, requests, concurrency: 8 })).errors;

    before(() => balance(lab, "tcp", VIRTUAL.v4, 8080, "dr"));
    afterEach("a failed case must not fail the next", async () => {
      for (const { name } of directors()) await lab.fault.restoreDirector(name);
      for (const { name } of webServers(lab)) await lab.fault.restoreServer(name);
    });

    it("killDirector loses its share until the switch withdraws it; restoreDirector brings it back", async () => {
      await lab.fault.killDirector("d2", { withdraw: false });
      assert.deepEqual(Object.keys(await failures()), ["no connection in time"]);
      await lab.fault.killDirector("d2");
      assert.deepEqual(await failures(), {});
      assert.deepEqual((await lab.status()).announced, ["d1", "d3"]);
      const before = await connectionsOf(lab, "d2", VIRTUAL.v4);
      await lab.fault.restoreDirector("d2");
      assert.deepEqual(await failures(), {});
      assert.ok((await connectionsOf(lab, "d2", VIRTUAL.v4)) > before);
    });

    it("the last director's end makes the addresses unreachable, and its return reachable", async () => {
      for (const { name } of directors()) await lab.fault.killDirector(name);
      const { EHOSTUNREACH = 0, "no connection in time": timeouts = 0 } = await failures(6);
      // The router may not say it to everyone: such messages are limited in rate.
      assert.ok(EHOSTUNREACH > 0);
      assert.equal(EHOSTUNREACH + timeouts, 6);
      for (const { name } of directors()) await lab.fault.restoreDirector(name);
      assert.deepEqual(await failures(), {});
    });

    it("killServer makes it silent, restoreServer mends it", async () => {
      await lab.fault.killServer("rs2");
      assert.deepEqual(Object.keys(await failures(12)), ["no connection in time"]);
      await lab.fault.restoreServer("rs2");
      assert.deepEqual(await failures(), {});
    });

    it("stopService makes a port refuse, startService mends it; both may be repeated", async () => {
      await lab.fault.stopService("rs1", "http");
      await lab.fault.stopService("rs1", "http");
      assert.deepEqual(Object.keys(await failures(12)), ["ECONNREFUSED"]);
      await lab.fault.startService("rs1", "http");
      await lab.fault.startService("rs1", "http");
      assert.deepEqual(await failures(), {});
    });

    it("stops and starts plain TCP", async () => {
      const dial = (): Promise<number | null> =>
        lab.exec("d1", ["bash", "-c", "exec 3<>/dev/tcp/10.20.251.1/7000"]).then((result) => result.code);
      assert.equal(await dial(), 0);
      await lab.fault.stopService("tcp1", "tcp");
      assert.equal(await dial(), 1);
      await lab.fault.startService("tcp1", "tcp");
      assert.equal(await dial(), 0);
    });

    it("stops and starts a director's sshd; sessions go on", async () => {
      const director = directors()[2] ?? assert.fail();
      const session = await login(director);
      await lab.fault.stopService("d3", "sshd");
      await assert.rejects(login(director));
      assert.equal(await remote(session, "hostname"), "d3");
      session.end();
      await lab.fault.startService("d3", "sshd");
      (await login(director)).end();
    });

    it("stops and starts the database, which keeps its data", async () => {
      const client = await login(directors()[0] ?? assert.fail());
      const mysql = lab.inventory.mysql ?? assert.fail();
      const count = "SELECT COUNT(*) AS n FROM mysql.user WHERE User = 'heye'";
      const ask = (): Promise<unknown> => query(client, lab, mysql.user, mysql.password, count);
      await lab.fault.stopService("db1", "mysql");
      await assert.rejects(ask());
      await lab.fault.startService("db1", "mysql");
      assert.deepEqual(await ask(), [{ n: 1 }]);
      client.end();
    });

    it("setHealth changes /health, and nothing else", async () => {
      const health = { url: "http://192.0.2.11:80/health", requests: 30 };
      await balance(lab, "tcp", "192.0.2.11", 80, "nat");
      await lab.fault.setHealth("rs1", 503);
      assert.deepEqual(Object.keys((await lab.traffic(health)).errors), ["status 503"]);
      assert.deepEqual((await lab.traffic({ url: "http://192.0.2.11/", requests: 6 })).errors, {});
      await lab.fault.setHealth("rs1", 200);
      assert.deepEqual((await lab.traffic(health)).errors, {});
    });

    it("refuses what makes no sense, and says what does", async () => {
      await assert.rejects(lab.fault.killDirector("rs1"), /expected a director \(d1, d2, d3\), found rs1/);
      await assert.rejects(lab.fault.stopService("rs1", "mysql"), /db1 has/);
      await assert.rejects(lab.fault.stopService("tcp1", "http"), /tcp1 has no service http, only: tcp, udp/);
    });
  });

  describe("load", () => {
    it("goes on until it is stopped, and tells how far it is", async () => {
      await balance(lab, "tcp", VIRTUAL.v4, 8080, "nat");
      const load = await lab.startTraffic({ url: `http://${VIRTUAL.v4}:8080/` });
      while ((await load.progress()).requests < 50);
      const report = await load.stop();
      assert.ok(report.requests >= 50);
      assert.equal(report.failed, 0);
      await assert.rejects(load.progress(), WorldError);
    });
  });

  describe("the machine", () => {
    it("cannot reach the control server but through the lab's socket", async () => {
      // Something else may have this address here; the lab's own server would refuse us with words about its token.
      const answer = await fetch("http://10.99.254.1:700/status", {
        method: "POST",
        signal: AbortSignal.timeout(500),
      })
        .then((response) => response.text())
        .catch(() => "");
      assert.doesNotMatch(answer, /token of this lab/);
    });

    it("keeps the lab's SSH ports to itself", async () => {
      const taken: Server = createServer();
      const port = directors()[0]?.port ?? assert.fail();
      const code = await new Promise((resolve) => {
        taken.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
        taken.listen(port, "127.0.0.1", () => resolve("listening"));
      });
      taken.close();
      assert.equal(code, "EADDRINUSE");
    });
  });
});

async function untilCounts(
  lab: Lab,
  condition: (counts: Awaited<ReturnType<Lab["serverCounts"]>>) => boolean,
): ReturnType<Lab["serverCounts"]> {
  for (;;) {
    const counts = await lab.serverCounts();
    if (condition(counts)) return counts;
  }
}
