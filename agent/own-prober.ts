import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Duplex, type Readable, type Writable } from "node:stream";
import {
  ForwardingCheckError,
  type ForwardingPath,
  ForwardingProbe,
  type ForwardingProber,
  forwardingCommand,
  type ProbeChannel,
} from "../director/data";

/** CAP_SYS_ADMIN: who has it may make network namespaces. */
const SYS_ADMIN = 1n << 21n;

/**
 * What the check may do when systemd runs it: make a network namespace and set its network up, write where checks are
 * recorded. It cannot mount, so it stays behind what is mounted here. Each is a property that systemd 239 takes for a unit
 * that is made at run time: an older one refuses the whole unit for a single one that it does not know.
 */
const CONFINED = [
  "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  // With ProtectControlGroups it is left out of ProtectSystem, as in director/sandbox.ts.
  "ReadOnlyPaths=/run",
  "ReadWritePaths=/run/heye",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectControlGroups=yes",
  "ProtectKernelModules=yes",
  "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6",
  "RestrictNamespaces=net",
  "RestrictRealtime=yes",
  "LockPersonality=yes",
  "MemoryDenyWriteExecute=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallErrorNumber=EPERM",
];

/** What decides how a check by way of the virtual address is started here. */
export interface Surroundings {
  /** /proc/self/status. */
  readonly status: string;
  /** systemd runs this host. */
  readonly hasSystemd: boolean;
}

/**
 * Program and arguments of a check by way of the virtual address. It needs a network namespace, which an agent may not make that
 * systemd runs: its unit has no CAP_SYS_ADMIN. There systemd is asked to run the check beside the agent, for as long as that
 * holds its input open. Where there is no systemd it is tried, and says what it lacks.
 */
export function proberArgv({ status, hasSystemd }: Surroundings): readonly [string, ...string[]] {
  const script = forwardingCommand("root");
  const [, mask = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if ((BigInt(`0x${mask}`) & SYS_ADMIN) !== 0n || !hasSystemd) return ["sh", "-c", script];
  // systemd replaces variables in arguments of its units; two dollars are one.
  const argument = script.replaceAll("$", "$$$$");
  return [
    ...(["systemd-run", "--quiet", "--pipe", "--wait", "--collect"] as const),
    // Else its name in the journal is the whole script.
    "--description=A check of pulumi-heye by way of a virtual address",
    ...CONFINED.map((property) => `--property=${property}`),
    ...["--", "/bin/sh", "-c", argument],
  ];
}

/** An agent's own way to check through the forwarding path: the provider's, without SSH. */
export class OwnProber implements ForwardingProber {
  /** @param director its name, in errors */
  constructor(
    private readonly director: string,
    private readonly argv: () => readonly [string, ...string[]] = () => proberArgv(surroundings()),
  ) {}

  async probe(path: ForwardingPath, lifetimeS: number): Promise<ForwardingProbe | "local"> {
    return ForwardingProbe.open(this.director, await this.#start(), path, lifetimeS);
  }

  async #start(): Promise<ProbeChannel> {
    const [program, ...rest] = this.argv();
    const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], cwd: "/" });
    try {
      await once(child, "spawn");
    } catch (error) {
      const reason =
        (error as NodeJS.ErrnoException).code === "ENOENT"
          ? `there is no ${program} on its PATH`
          : `${program} cannot be started (${(error as Error).message})`;
      throw new ForwardingCheckError(this.director, reason);
    }
    return new ChildChannel(child);
  }
}

function surroundings(): Surroundings {
  return {
    status: readFileSync("/proc/self/status", "utf8"),
    // As sd_booted(3) has it.
    hasSystemd: existsSync("/run/systemd/system"),
  };
}

/** A child process as one stream: what is written goes to its input, what is read is its output. Closes when it has ended. */
class ChildChannel extends Duplex implements ProbeChannel {
  readonly stderr: Readable;

  constructor(private readonly child: ChildProcessByStdio<Writable, Readable, Readable>) {
    // It ends when the process has: an end of input alone is how it is told to clean up.
    super({ autoDestroy: false });
    this.stderr = child.stderr;
    // The end of a check is no error of who writes to it.
    child.stdin.on("error", () => undefined);
    child.stdout.on("data", (chunk: Buffer) => this.push(chunk)).once("end", () => this.push(null));
    child.once("close", () => this.destroy());
  }

  override _read(): void {
    // What a check reads is small: it is pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.child.stdin.writable) this.child.stdin.write(chunk, () => done());
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.child.stdin.destroy();
    done(error);
  }
}
