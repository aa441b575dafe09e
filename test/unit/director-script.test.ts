import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChangeInput, changeCommand, changeInput, readCommand } from "../../director/script";
import { parseAnswer } from "../../director/state";

const EMPTY_TABLE = createHash("sha256").update("").digest("hex");
const RULES = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n";
const registry = (label: string) => `${JSON.stringify({ format: 1, owners: { [label]: ownerOf(label) } })}\n`;
const ownerOf = (label: string) => ({ label, virtualServers: {} });

/** An ipvsadm whose table is a file: it takes -A and -a lines, and does what $HEYE_FAKE says on --restore. */
const IPVSADM = `#!/bin/sh
case "$1" in
  --save) cat /run/table 2>/dev/null || : ;;
  --restore)
    case "$(cat /run/fake)" in
      killed) kill -9 $$ ;;
      complains) echo "Memory allocation problem" ;;
    esac
    cat >>/run/table ;;
  --version) echo "ipvsadm v1.31" ;;
esac
`;

/** Everything the scripts name by a fixed path is a file system of its own here; $1 is its size, $2 the fake's mood. */
const ROOM = `
mount -t tmpfs none /run && mount -t tmpfs -o "size=$1" none /var/lib && mount -t tmpfs none /usr/local/sbin
printf %s "$IPVSADM" >/usr/local/sbin/ipvsadm; chmod 755 /usr/local/sbin/ipvsadm
echo "$2" >/run/fake
eval "$BEFORE"
eval "$COMMAND"
echo "exit $?" >"$OUT/code"
cat /run/table >"$OUT/table" 2>/dev/null
cat /var/lib/heye/registry >"$OUT/registry" 2>/dev/null
ls -A /var/lib /var/lib/heye >"$OUT/left" 2>&1
:
`;

interface Room {
  readonly size?: string;
  readonly mood?: "killed" | "complains" | "well";
  /** Shell text that furnishes it. */
  readonly before?: string;
}

/** Runs a command of ours on a made-up director: mounts that no other process sees. */
function inRoom(command: string, input: string, { size = "1m", mood = "well", before = "" }: Room) {
  const out = mkdtempSync(join(tmpdir(), "heye-script-"));
  try {
    const env = { ...process.env, IPVSADM, COMMAND: command, BEFORE: before, OUT: out };
    const argv = [...NAMESPACE, "sh", "-c", ROOM, "sh", size, mood];
    const { stdout, stderr, error } = spawnSync("unshare", argv, {
      input,
      env,
      encoding: "utf8",
      timeout: 20_000,
    });
    if (error) throw error;
    const file = (name: string) => spawnSync("cat", [join(out, name)], { encoding: "utf8" }).stdout;
    const exitCode = Number(file("code").replace(/\D+/g, ""));
    return { stdout, stderr, exitCode, table: file("table"), registry: file("registry"), left: file("left") };
  } finally {
    rmSync(out, { recursive: true });
  }
}

const NAMESPACE = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
const change = (input: Partial<ChangeInput>, room: Room = {}, cut = (text: string) => text) => {
  const whole = { expected: EMPTY_TABLE, during: registry("a"), rules: RULES, after: undefined, ...input };
  const result = inRoom(changeCommand("root"), cut(changeInput(whole)), room);
  const answer = () => parseAnswer("lb1", result);
  return { ...result, answer };
};

describe("the scripts on a director", function () {
  this.timeout(30_000);
  before(() => {
    const able = spawnSync("unshare", [...NAMESPACE, "mount", "-t", "tmpfs", "none", "/run"], {
      encoding: "utf8",
    });
    const found = able.error?.message ?? able.stderr;
    assert.equal(
      able.status,
      0,
      `needs unshare (util-linux) and a mount namespace: run as root, or allow user namespaces. Found: ${found}`,
    );
  });

  it("read a director that nobody has used", () => {
    const result = inRoom(readCommand("root"), "", {});
    const { outcome, state, messages } = parseAnswer("lb1", result);
    assert.deepEqual(
      [outcome, state.table, state.digest, messages],
      ["state", [], EMPTY_TABLE, "ipvsadm v1.31\n"],
    );
    assert.doesNotMatch(result.left, /^heye$/m);
  });

  it("change kernel and registry, leaving nothing else behind", () => {
    const { answer, table, registry: kept, left } = change({});
    assert.equal(answer().outcome, "applied");
    assert.deepEqual([table, kept], [RULES, registry("a")]);
    assert.doesNotMatch(left, /incoming/);
  });

  it("hold the later registry in the end, and none when nobody owns anything", () => {
    const later = change({ during: registry("a"), after: registry("b") });
    assert.deepEqual([later.table, later.registry], [RULES, registry("b")]);
    const none = change({ during: undefined, rules: RULES, after: "" });
    assert.deepEqual([none.table, none.registry], [RULES, ""]);
    assert.doesNotMatch(none.left, /^heye$/m);
  });

  it("take registries of a megabyte", () => {
    const long = registry("x".repeat(500_000));
    const { registry: kept } = change({ during: long, after: long }, { size: "8m" });
    assert.equal(kept, long);
  });

  it("change nothing when a part of the input is missing, wherever it ends", () => {
    const input = { after: registry("b") };
    const length = Buffer.byteLength(
      changeInput({ expected: EMPTY_TABLE, during: registry("a"), rules: RULES, ...input }),
    );
    for (const end of [0, 40, 70, 90, 150, 200, length - 12, length - 2]) {
      const { answer, table, registry: kept } = change(input, {}, (text) => text.slice(0, end));
      assert.throws(answer, /expected to send the whole change/, `cut at ${end}`);
      assert.deepEqual([table, kept], ["", ""], `cut at ${end}`);
    }
  });

  it("change nothing when the state is not the expected one, and tell it", () => {
    const { answer, table, registry: kept } = change({ expected: "0".repeat(64) });
    assert.equal(answer().outcome, "changed");
    assert.deepEqual([table, kept], ["", ""]);
  });

  it("keep what is owned when ipvsadm is killed or complains", () => {
    const killed = change({ after: registry("b") }, { mood: "killed" });
    assert.match(killed.answer().messages, /was killed by signal 9/);
    assert.deepEqual([killed.table, killed.registry], ["", registry("a")]);
    const complains = change({ after: registry("b") }, { mood: "complains" });
    assert.equal(complains.answer().messages, "Memory allocation problem\n");
    assert.equal(complains.registry, registry("a"));
  });

  it("say that the disk is full, and change nothing", () => {
    const {
      answer,
      table,
      registry: kept,
    } = change({ during: registry("x".repeat(50_000)) }, { size: "16k" });
    assert.throws(
      answer,
      /director lb1: .*does not take the change \(.*\)\. Nothing was changed in the kernel/,
    );
    assert.deepEqual([table, kept], ["", ""]);
  });

  it("follow nobody's links, and trust nobody else's folders", () => {
    const places: [string, RegExp][] = [
      ["mkdir /run/evil; ln -s /run/evil /run/heye", /expected \/run\/heye to be a folder/],
      ["touch /run/heye", /expected \/run\/heye to be a folder/],
      ["mkdir /run/evil; ln -s /run/evil /var/lib/heye", /expected \/var\/lib\/heye to be a folder/],
      ["ln -s /run/nowhere /var/lib/heye", /expected \/var\/lib\/heye to be a folder/],
    ];
    for (const [before, reason] of places) {
      const { answer, table } = change({}, { before });
      assert.throws(answer, reason, before);
      assert.equal(table, "");
    }
  });

  it("tell a lock that is held from one that cannot be had", () => {
    const flock = (status: number) =>
      `printf '#!/bin/sh\\nexit ${status}\\n' >/usr/local/sbin/flock; chmod 755 /usr/local/sbin/flock`;
    assert.throws(change({}, { before: flock(75) }).answer, /another run has held its lock/);
    assert.throws(change({}, { before: flock(1) }).answer, /its flock cannot lock/);
  });
});
