/** Starts the world's first process, in a guest or on this kernel. It dies with this process, however that ends. */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Uplink } from "../batches";
import { availableIn, layerEnvironment } from "../layer";
import type { LabPaths } from "../paths";
import type { KeeperConfig } from "./config";

/** The outermost process of a world; its output is the world's. Killing it ends everything inside. */
export type WorldProcess = ChildProcessByStdio<Writable, Readable, null>;

/** The host's end of the cable. */
export const HOST_DEVICE = "heye0";
/** The guest's end of a cable of packet sockets. */
const GUEST_DEVICE = "heye1";
const NAMESPACES_DEVICE = "uplink";

/** The device that leads to the host, as the world sees it. */
export function uplinkOf({ mode, cable }: Pick<KeeperConfig, "mode" | "cable">): Uplink {
  if (mode === "namespaces") return { device: NAMESPACES_DEVICE, echoes: false };
  // A packet socket also hears what it has sent.
  return { device: "vec0", echoes: cable === "packets" };
}

/** The signal reaches the outer process when the keeper is gone; a PID namespace then takes everything inside with it. */
const BOUND_TO_US = [
  "setpriv",
  "--pdeathsig",
  "KILL",
  "unshare",
  "--pid",
  "--fork",
  "--kill-child=KILL",
] as const;

/** Starts a user-mode Linux guest on a cable of its own. */
export function startGuest(config: KeeperConfig, paths: LabPaths): WorldProcess {
  const transport = layCable(config);
  return run([
    ...BOUND_TO_US,
    "--",
    "taskset",
    "-c",
    String(config.cpu),
    availableIn(config.layer, "usr/bin/linux.uml"),
    `mem=${config.memoryMb}M`,
    "root=/dev/root",
    "rootfstype=hostfs",
    "rootflags=/",
    "ro",
    `init="${config.rootScript}"`,
    `HEYE_DIR="${paths.dir}"`,
    "HEYE_GUEST=1",
    // gro=1: without it inbound TCP all but stands still.
    `vec0:transport=${transport},depth=128,gro=1`,
    "con=null",
    "con0=null,fd:1",
    "quiet",
    `uml_dir=${paths.uml}/`,
  ]);
}

/** Lays the cable to a guest and returns how the guest is to use it. */
function layCable(config: KeeperConfig): string {
  const { layer, cable } = config;
  if (cable === "tap") {
    ip(layer, ["tuntap", "add", "dev", HOST_DEVICE, "mode", "tap"]);
    raiseHostDevice(config);
    return `tap,ifname=${HOST_DEVICE}`;
  }
  ip(layer, ["link", "add", HOST_DEVICE, "type", "veth", "peer", "name", GUEST_DEVICE]);
  // A packet socket would hand on checksums and segments that the device was to complete.
  for (const device of [HOST_DEVICE, GUEST_DEVICE])
    program(layer, "usr/sbin/ethtool", ["-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off"]);
  ip(layer, ["link", "set", GUEST_DEVICE, "up"]);
  raiseHostDevice(config);
  return `raw,ifname=${GUEST_DEVICE}`;
}

/** Starts the same world in namespaces of this kernel. Call {@link linkNamespaces} once it says that it is there. */
export function startNamespaces(config: KeeperConfig, paths: LabPaths): WorldProcess {
  return run([...BOUND_TO_US, "--mount", "--net", "--uts", "--", "/bin/sh", config.rootScript], {
    HEYE_DIR: paths.dir,
  });
}

/** Lays the cable to a world in namespaces, and lets it go on. */
export function linkNamespaces(world: WorldProcess, config: KeeperConfig): void {
  const { layer } = config;
  ip(layer, [
    "link",
    "add",
    HOST_DEVICE,
    "type",
    "veth",
    "peer",
    "name",
    NAMESPACES_DEVICE,
    "netns",
    String(world.pid),
  ]);
  raiseHostDevice(config);
  world.stdin.end("go\n");
}

function raiseHostDevice({ layer, hostBatch }: KeeperConfig): void {
  program(layer, "usr/bin/ip", ["-batch", "-"], `${hostBatch.join("\n")}\n`);
}

function ip(layer: string, argv: readonly string[]): void {
  program(layer, "usr/bin/ip", argv);
}

function program(layer: string, path: string, argv: readonly string[], input = ""): void {
  execFileSync(availableIn(layer, path), argv, {
    input,
    stdio: ["pipe", "pipe", "pipe"],
    env: layerEnvironment(layer),
  });
}

function run(argv: readonly string[], environment: Readonly<Record<string, string>> = {}): WorldProcess {
  const [program, ...rest] = argv;
  const env = { PATH: process.env.PATH, HOME: "/root", ...environment };
  return spawn(program ?? "", rest, { stdio: ["pipe", "pipe", "inherit"], env, cwd: "/" });
}
