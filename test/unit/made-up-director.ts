import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { ClientChannel } from "ssh2";
import { PROCFS } from "../../director/script";
import { Shell } from "../../director/shell";
import type { SshSession } from "../../director/ssh-session";

/** Stands in for procfs where the room is told to have one: it lists the table as the kernel does. */
const GLANCE = "/run/ip_vs";

/**
 * An ipvsadm whose table is a file. It does what /run/fake says on --restore, and prints its table in no order, as
 * some versions do. How often it was asked for the table stands in /run/saves.
 */
const IPVSADM = `#!/bin/sh
touch /run/table
case "$1" in
  --save) tac /run/table; echo >>/run/saves ;;
  --restore)
    mood=$(cat /run/fake 2>/dev/null)
    case "$mood" in
      killed) kill -9 $$ ;;
      complains) echo "Memory allocation problem" ;;
    esac
    awk '
      function identity(line) { sub(/ (-s|-[gim]) .*/, "", line); return substr(line, 4) }
      BEGIN { while ((getline line <"/run/table") > 0) { rows[++n] = line; at[substr(line, 1, 2) identity(line)] = n } }
      /^-[Aa]/ { rows[++n] = $0; at[substr($0, 1, 2) identity($0)] = n }
      /^-[Ee]/ { c = /^-E/ ? "-A" : "-a"; rows[at[c identity($0)]] = c substr($0, 3) }
      /^-d/ { rows[at["-a" identity($0)]] = "" }
      /^-D/ { for (i = 1; i <= n; i++) if (index(rows[i] " ", substr($0, 4) " ") == 4) rows[i] = "" }
      END { for (i = 1; i <= n; i++) if (rows[i] != "") print rows[i] }
    ' >/run/table.new && mv /run/table.new /run/table
    if [ -e ${GLANCE} ]; then
      awk '
        function hex(place, part, at) {
          split(place, part, /[.:]/)
          at = 0 + part[5]
          return sprintf("%02X%02X%02X%02X:%04X", part[1], part[2], part[3], part[4], at)
        }
        BEGIN { print "IP Virtual Server version 1.2.1 (size=4096)\\nProt LocalAddress:Port Scheduler Flags" }
        BEGIN { print "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn" }
        /^-A/ { pool[$3] = "TCP  " hex($3) " " $5 " \\n" pool[$3] }
        /^-a/ { pool[$3] = pool[$3] "  -> " hex($5) "      Masq    " $8 "      " NR "          0         \\n" }
        END { for (place in pool) printf "%s", pool[place] }
      ' /run/table >${GLANCE}.new && mv ${GLANCE}.new ${GLANCE}
    fi ;;
  --version) echo "ipvsadm v1.31" ;;
esac
`;

/** Everything the script names by a fixed path is a file system of its own here. */
const ROOM = `
set -e
mount -t tmpfs none /run
mount -t tmpfs -o "size=$SIZE" none /var/lib
mount -t tmpfs none /usr/local/sbin
if [ -n "$BUSYBOX" ]; then "$BUSYBOX" --install -s /usr/local/sbin; fi
printf %s "$IPVSADM" >/usr/local/sbin/ipvsadm
chmod 755 /usr/local/sbin/ipvsadm
echo ready
exec sleep 600
`;

const NAMESPACES = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
/** With the root of the process in there: where tests run below a root of their own (chroot), the mounts are below it. */
const ENTER =
  process.getuid?.() === 0
    ? ["--mount", "--root"]
    : ["--user", "--preserve-credentials", "--mount", "--root"];

/** A shell to try the script with, in place of `sh`. */
export interface ShellKind {
  readonly name: string;
  readonly argv: readonly string[];
  /** Its tools take the place of coreutils, awk and flock too. */
  readonly busybox?: string;
}

/** Why such directors cannot be made here; undefined: they can. */
export function obstacle(): string | undefined {
  const { status, error, stderr } = spawnSync(
    "unshare",
    [...NAMESPACES, "mount", "-t", "tmpfs", "none", "/run"],
    { encoding: "utf8" },
  );
  return status === 0 ? undefined : (error?.message ?? stderr);
}

/** A director made of mounts that no other process sees, on which the script really runs. */
export class MadeUpDirector {
  readonly #conversations = new Set<ChildProcess>();

  private constructor(
    private readonly room: ChildProcess,
    private readonly kind: ShellKind,
  ) {}

  static async start(kind: ShellKind, size = "8m"): Promise<MadeUpDirector> {
    const env = { ...process.env, IPVSADM, SIZE: size, BUSYBOX: kind.busybox ?? "" };
    const room = spawn("unshare", [...NAMESPACES, "sh", "-c", ROOM], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [chunk] = (await once(room.stdout, "data")) as [Buffer];
    if (chunk.toString() !== "ready\n") throw new Error(`no room: ${chunk}`);
    return new MadeUpDirector(room, kind);
  }

  /** From now on there is a procfs. */
  showGlance(): void {
    this.run(`touch ${GLANCE}; ipvsadm --restore </dev/null; : >/run/saves`);
  }

  /** How often ipvsadm was asked for the whole table since this was last asked. */
  saves(): number {
    return this.run("cat /run/saves 2>/dev/null; : >/run/saves").length;
  }

  /** A conversation of its own, as over a session of its own. */
  shell(): Shell {
    const session: Pick<SshSession, "director" | "openChannel" | "lostError" | "breakOff"> = {
      director: "lb1",
      openChannel: async (command) => this.#channel(command),
      lostError: (doing) => new Error(`lost while ${doing}`) as ReturnType<SshSession["lostError"]>,
      breakOff: (reason) => {
        throw reason;
      },
    };
    return new Shell(session as SshSession, "root");
  }

  #channel(command: string): ClientChannel {
    const text = command.replace(/^sh /, "exec $SELF ").replaceAll(PROCFS, GLANCE);
    const argv = this.#inside([...this.kind.argv, "-c", text]);
    const env = { ...process.env, SELF: this.kind.argv.join(" ") };
    const child = spawn("nsenter", argv, { env, stdio: "pipe", detached: true });
    this.#conversations.add(child);
    child.stdin.on("error", () => undefined);
    const channel = Object.assign(new EventEmitter(), {
      stderr: child.stderr,
      write: (text: string) => child.stdin.write(text),
      end: () => child.stdin.end(),
      close: () => child.stdin.end(),
    });
    child.stdout.on("data", (chunk) => channel.emit("data", chunk));
    child.on("exit", (code) => channel.emit("exit", code));
    child.on("close", () => {
      this.#conversations.delete(child);
      channel.emit("close");
    });
    return channel as unknown as ClientChannel;
  }

  /** Runs a shell text in the room and returns what it prints. */
  run(text: string, input = ""): string {
    const { stdout } = spawnSync("nsenter", this.#inside(["sh", "-c", text]), { input, encoding: "utf8" });
    return stdout;
  }

  /** Runs the script on a text of requests as one input, which then ends. */
  feed(command: string, input: string): string {
    return this.run(command.replace(/^sh /, `${this.kind.argv.join(" ")} `), input);
  }

  /** Ends every conversation, as a sender does that goes away, and waits until the director is rid of them. */
  async hangUp(): Promise<void> {
    const ended = [...this.#conversations].map((child) => once(child, "close"));
    for (const child of this.#conversations) child.stdin?.end();
    await Promise.all(ended);
  }

  async stop(): Promise<void> {
    await this.hangUp();
    const gone = once(this.room, "close");
    this.room.kill("SIGKILL");
    await gone;
  }

  #inside(argv: readonly string[]): string[] {
    return ["--target", String(this.room.pid), ...ENTER, ...argv];
  }
}
