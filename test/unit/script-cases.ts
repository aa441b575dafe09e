import assert from "node:assert/strict";
import { desiredService } from "../../director/desired";
import {
  duringRegistry,
  EMPTY_REGISTRY,
  type Member,
  type Registry,
  registeredMembers,
  withRegistration,
} from "../../director/registry";
import { renderRegistry } from "../../director/registry-format";
import { type ChangeRequest, changeRequest, readRequest, sentAs } from "../../director/request";
import { shellCommand } from "../../director/script";
import type { Shell } from "../../director/shell";
import { type Answer, type DirectorState, parseAnswer } from "../../director/state";
import { findService, plan } from "../../ipvs";
import { MadeUpDirector, type ShellKind } from "./made-up-director";

const OWNER = { id: "edge-1", label: "shop/prod Cluster edge" };
/** A server of a pool. */
export const memberOf = (host: number, weight = 1): Member => ({
  address: `10.0.0.${host}`,
  port: 80,
  weight,
  forwarding: "nat",
});

/** A registry of virtual servers by port: what each one's pool is. */
export function registryOf(pools: Record<number, readonly Member[]>): Registry {
  return Object.entries(pools).reduce(
    (now, [port, members]) =>
      withRegistration(now, OWNER, `tcp 192.0.2.1:${port}`, {
        protocol: "tcp",
        address: "192.0.2.1",
        port: Number(port),
        resource: `web${port}`,
        scheduler: "mh",
        pool: "inline",
        members,
      }),
    EMPTY_REGISTRY,
  );
}

/** What takes a director from one state to another, as `Director` would ask for it. */
export function changeTo(state: DirectorState, after: Registry): ChangeRequest | undefined {
  const owned = (registry: Registry) => registry.owners[OWNER.id]?.virtualServers ?? {};
  const scope = new Set([...Object.keys(owned(state.registry)), ...Object.keys(owned(after))]);
  const desired = [...scope].flatMap((key) => {
    const wanted = owned(after)[key];
    return wanted
      ? [desiredService(wanted, findService(state.table, key), registeredMembers(state.registry, key))]
      : [];
  });
  const edits = plan(state.table, desired, scope);
  return changeRequest(state, {
    during: duringRegistry(state.registry, after),
    after,
    edits,
    desired,
    scope,
  });
}

/** Asks without thresholds. */
export async function read(shell: Shell, known?: DirectorState): Promise<Answer> {
  return parseAnswer("lb1", await shell.ask(() => readRequest(known), "reading"), { known });
}

/** @param seen the answer that told `known` in this conversation; absent: the table is compared whole */
export async function change(
  shell: Shell,
  known: DirectorState,
  after: Registry,
  seen?: string,
): Promise<Answer> {
  const request = changeTo(known, after);
  assert.ok(request, "there is something to do");
  const reply = await shell.ask(() => sentAs(request, { seen }), "changing");
  return parseAnswer("lb1", reply, { known, predicted: request.predicted });
}

/** What the script must do, whichever shell and tools run it. */
export function scriptCases(kind: ShellKind): void {
  describe(`with ${kind.name}`, function () {
    this.timeout(60_000);
    let director: MadeUpDirector;
    let shell: Shell;
    beforeEach(async () => {
      director = await MadeUpDirector.start(kind);
      shell = director.shell();
    });
    afterEach(() => director.stop());
    const kept = () => director.run("cat /var/lib/heye/registry 2>/dev/null");
    const left = () => director.run("ls -A /var/lib /var/lib/heye 2>/dev/null");

    it("reads a director that nobody has used, and leaves nothing there", async () => {
      const { outcome, state } = await read(shell);
      assert.deepEqual([outcome, state.table, state.registry], ["state", [], EMPTY_REGISTRY]);
      assert.doesNotMatch(left(), /^heye$/m);
      assert.equal((await read(shell, state)).state, state);
    });

    it("takes a director through any states, and every answer to a change is short", async () => {
      let { state } = await read(shell);
      const stations: Record<number, Member[]>[] = [
        { 80: [memberOf(1), memberOf(2)] },
        { 80: [memberOf(2), memberOf(1, 3)], 8: [memberOf(1)], 800: [] },
        { 80: [memberOf(3)], 443: [memberOf(9), memberOf(1)] },
        { 80: [memberOf(3)], 443: [memberOf(9, 0), memberOf(1)], 8: [] },
        {},
      ];
      for (const station of stations) {
        const after = registryOf(station);
        const request = changeTo(state, after);
        const reply = await shell.ask(() => sentAs(request ?? assert.fail("nothing to do")), "changing");
        assert.equal(reply.text.split("\n").length, 5, reply.text);
        const answer = parseAnswer("lb1", reply, { known: state, predicted: request?.predicted ?? state });
        assert.deepEqual([answer.outcome, answer.state], ["applied", request?.predicted]);
        assert.equal(kept(), renderRegistry(after));
        state = answer.state;
        const fresh = await read(director.shell());
        assert.deepEqual([fresh.state.digests, fresh.state.registry], [state.digests, state.registry]);
        assert.equal(changeTo(fresh.state, after), undefined);
      }
      assert.doesNotMatch(left(), /^heye$|incoming/m);
    });

    it("tells a sender that knows another state what there is, and changes nothing", async () => {
      const { state } = await read(shell);
      const first = await change(shell, state, registryOf({ 80: [memberOf(1)] }));
      const second = await change(director.shell(), state, registryOf({ 443: [memberOf(2)] }));
      assert.deepEqual([second.outcome, second.state], ["changed", first.state]);
      director.run("echo '-A -t 192.0.2.9:80 -s rr' | ipvsadm --restore");
      const third = await change(shell, first.state, registryOf({}));
      assert.deepEqual([third.outcome, third.state.table.length], ["changed", 2]);
      assert.equal(third.state.registry, first.state.registry, "what is known does not travel");
      assert.equal((await read(shell, first.state)).state.table.length, 2);
    });

    it("sends the table when it is not the one that was expected", async () => {
      const { state } = await read(shell);
      director.run("echo complains >/run/fake");
      const answer = await change(shell, state, registryOf({ 80: [memberOf(1)] }));
      assert.deepEqual([answer.outcome, answer.messages], ["applied", "Memory allocation problem"]);
      assert.equal(answer.state.table.length, 1);
    });

    it("compares the table at a glance, once it has been told, and reads it whole where that is another one", async () => {
      director.showGlance();
      const glanced = async (seen: string, known: DirectorState, after: Registry) => {
        const request = changeTo(known, after) ?? assert.fail("nothing to do");
        assert.ok(request.isTold);
        const reply = await shell.ask(() => sentAs(request, { seen }), "changing");
        const answer = parseAnswer("lb1", reply, { known, predicted: request.predicted });
        return { ...answer, id: reply.id, saves: director.saves() };
      };
      const first = await shell.ask(() => readRequest(undefined), "reading");
      const start = parseAnswer("lb1", first, { known: undefined }).state;
      director.saves();
      const stations = [
        registryOf({ 80: [memberOf(1), memberOf(2)], 443: [memberOf(9)] }),
        registryOf({ 80: [memberOf(2, 7), memberOf(3, 0)], 443: [memberOf(9)] }),
        registryOf({ 80: [memberOf(2, 7), memberOf(3, 0), memberOf(4)] }),
      ];
      let { id, state } = { id: first.id, state: start };
      for (const station of stations) {
        const made = await glanced(id, state, station);
        assert.deepEqual([made.outcome, made.saves, made.state.registry], ["applied", 0, station]);
        ({ id, state } = made);
        assert.deepEqual((await read(director.shell())).state.digests, state.digests);
        director.saves();
      }
      director.run("echo '-a -t 192.0.2.1:80 -r 10.0.0.9:80 -m -w 1' | ipvsadm --restore");
      const refused = await glanced(id, state, registryOf({ 80: [memberOf(2)] }));
      assert.deepEqual([refused.outcome, refused.saves], ["changed", 2]);
      assert.equal(refused.state.table[0]?.destinations.length, 4);
      const again = await glanced(refused.id, refused.state, registryOf({ 80: [memberOf(2)] }));
      assert.deepEqual([again.outcome, again.saves], ["applied", 0]);
      const other = await glanced("another", again.state, registryOf({ 80: [memberOf(5)] }));
      assert.deepEqual(
        [other.outcome, other.saves],
        ["applied", 1],
        "what another answer told proves nothing",
      );
      director.run("echo complains >/run/fake");
      const complained = await glanced(other.id, other.state, registryOf({ 80: [memberOf(6)] }));
      assert.deepEqual([complained.messages, complained.saves], ["Memory allocation problem", 1]);
    });

    it("keeps what is owned when ipvsadm is killed", async () => {
      const start = await change(shell, (await read(shell)).state, registryOf({ 80: [memberOf(1)] }));
      director.run("echo killed >/run/fake");
      const answer = await change(shell, start.state, registryOf({}));
      assert.match(answer.messages, /was killed by signal 9/);
      assert.equal(kept(), renderRegistry(start.state.registry));
      assert.deepEqual(answer.state.registry, start.state.registry);
    });

    it("brings a registry of format 1 into format 2 with the first change", async () => {
      const registry = registryOf({ 80: [memberOf(1)], 443: [] });
      director.run(
        "mkdir -m 700 /var/lib/heye; cat >/var/lib/heye/registry.json",
        `${JSON.stringify({ format: 1, owners: registry.owners })}\n`,
      );
      const { state } = await read(shell);
      assert.deepEqual(state.registry, registry);
      const after = registryOf({ 80: [memberOf(1)], 443: [], 8080: [memberOf(2)] });
      const answer = await change(shell, state, after);
      assert.equal(answer.outcome, "applied");
      assert.deepEqual([kept(), left().includes("registry.json")], [renderRegistry(after), false]);
    });

    it("changes nothing when a part of the input is missing, wherever it ends", async () => {
      const { state } = await read(shell);
      const unsent = changeTo(state, registryOf({ 80: [memberOf(1)] }));
      assert.ok(unsent);
      const request = sentAs(unsent);
      const input = `one ${request.words}\n${request.body}`;
      const header = request.words.length + "one \n".length;
      for (const end of [
        0,
        20,
        header - 1,
        header,
        header + 1,
        header + 60,
        input.length - 12,
        input.length - 2,
      ]) {
        director.feed(shellCommand("root"), input.slice(0, end));
        assert.deepEqual([kept(), director.run("cat /run/table")], ["", ""], `cut at ${end}`);
      }
      assert.match(director.feed(shellCommand("root"), input.slice(0, -2)), /^heye 2 truncated$/m);
    });

    it("says that the disk is full, and changes nothing", async () => {
      const { state } = await read(shell);
      director.run("mount -o remount,size=16k /var/lib");
      const pool = Array.from({ length: 200 }, (_, host) => memberOf(host));
      await assert.rejects(
        change(shell, state, registryOf({ 80: pool })),
        /director lb1: .*does not take the change \(.*\)\. Nothing was changed in the kernel/,
      );
      assert.deepEqual([kept(), director.run("cat /run/table")], ["", ""]);
      director.run("mount -o remount,size=8m /var/lib");
      assert.equal((await change(shell, state, registryOf({ 80: pool }))).outcome, "applied");
    });

    it("follows nobody's links, and trusts nobody else's folders", async () => {
      const places: [string, RegExp][] = [
        ["mkdir /run/evil; ln -s /run/evil /run/heye", /expected \/run\/heye to be a folder/],
        ["touch /run/heye", /expected \/run\/heye to be a folder/],
        ["mkdir /run/evil; ln -s /run/evil /var/lib/heye", /expected \/var\/lib\/heye to be a folder/],
        ["ln -s /run/nowhere /var/lib/heye", /expected \/var\/lib\/heye to be a folder/],
      ];
      const { state } = await read(shell);
      for (const [furnish, reason] of places) {
        director.run(`rm -rf /run/heye /run/evil /var/lib/heye; ${furnish}`);
        await assert.rejects(change(shell, state, registryOf({ 80: [memberOf(1)] })), reason, furnish);
        assert.equal(director.run("cat /run/table"), "");
      }
      director.run("rm -rf /run/heye /run/evil /var/lib/heye");
      assert.equal((await change(shell, state, registryOf({ 80: [memberOf(1)] }))).outcome, "applied");
    });

    it("tells a lock that is held from one that cannot be had, and goes on afterwards", async () => {
      const { state } = await read(shell);
      for (const [status, reason] of [
        [75, /another run has held its lock/],
        [1, /its flock cannot lock/],
      ] as const) {
        director.run(
          `rm -f /usr/local/sbin/flock; printf '#!/bin/sh\\nexit ${status}\\n' >/usr/local/sbin/flock; chmod 755 /usr/local/sbin/flock`,
        );
        await assert.rejects(change(shell, state, registryOf({ 80: [memberOf(1)] })), reason);
      }
    });

    it("leaves no lock, no process and no file behind when the sender goes", async () => {
      const { state } = await read(shell);
      await change(shell, state, registryOf({ 80: [memberOf(1)] }));
      await director.hangUp();
      assert.equal(director.run("ls /run/heye"), "lock\n");
      assert.equal(director.run("flock -n /run/heye/lock echo free"), "free\n");
    });

    it("begins anew when the conversation broke", async () => {
      const { state } = await read(shell);
      await director.hangUp();
      assert.equal((await read(shell, state)).state, state);
    });
  });
}
