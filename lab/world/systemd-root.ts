/**
 * The root of a director that a real systemd runs: a file system in memory with an /etc of its own, and the machine's programs
 * for reading. Nothing of the machine that could be written to is in it; systemd.sh looks again before each start.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { TREES, type WorldConfig } from "./config";
import { Disk } from "./disk";
import { mount, overlayReadOnly, pivotInto } from "./kernel";
import { run } from "./run";
import { NodeSpace } from "./spaces";

/** Where PID 1 of such a director begins. */
export const SYSTEMD_INIT = "/.heye/init";

/** What programs look up in /etc, where the machine has it: texts and links, no accounts and no keys. */
const LOOKED_UP = ["alternatives", "iproute2", "protocols", "services", "nsswitch.conf", "host.conf"];

/** Units that would clean up, make devices and accounts, or wait for terminals: none of it is a director's business here. */
const MASKED = [
  ...["systemd-tmpfiles-setup", "systemd-tmpfiles-setup-dev", "systemd-tmpfiles-clean"],
  ...["systemd-sysusers", "systemd-firstboot", "systemd-machine-id-commit", "systemd-random-seed"],
  ...["systemd-udevd", "systemd-udev-trigger", "systemd-hwdb-update", "kmod-static-nodes"],
  ...["systemd-remount-fs", "systemd-repart", "systemd-binfmt", "systemd-update-utmp"],
  ...["systemd-update-utmp-runlevel", "systemd-logind", "systemd-pcrphase", "systemd-pcrphase-sysinit"],
].map((name) => `${name}.service`);
const MASKED_OTHERS = [
  ...["systemd-tmpfiles-clean.timer", "getty.target", "systemd-initctl.socket"],
  ...["systemd-journald-audit.socket", "proc-sys-fs-binfmt_misc.automount"],
  ...["dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount"],
  ...["sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"],
  ...["systemd-ask-password-console.path", "systemd-ask-password-wall.path"],
];

/** A disk in memory for systemd. `layer` has what the machine lacks of it, and may be an empty folder. */
export function systemdDisk(name: string, hostKey: string, layer: string, config: WorldConfig): Disk {
  const space = NodeSpace.mounts(() => {
    mount("tmpfs", TREES.mountPoint, "mode=755");
    const [root, own] = ["root", "own"].map((folder) => join(TREES.mountPoint, folder)) as [string, string];
    mkdirSync(root);
    mkdirSync(own);
    mount("tmpfs", root, "mode=755");
    makeFolders(root);
    const layers = [join(TREES.host, layer), TREES.layer].map((folder) => join(folder, "usr"));
    overlayReadOnly(join(root, "usr"), [own, ...layers.filter(existsSync), `${TREES.host}/usr`]);
    // As a distribution's package would put it there: agents run on it.
    overlayReadOnly(join(root, "usr/local/bin"), [own, join(TREES.host, dirname(process.execPath))]);
    writeEtc(root, name, hostKey);
    // Whoever starts its PID 1 gives it this one to read from; all other devices are made by that.
    run("mknod", ["-m", "666", join(root, "dev/null"), "c", "1", "3"]);
    copyFileSync(config.directorInit, join(root, SYSTEMD_INIT));
    pivotInto(root);
  });
  return new Disk(space, []);
}

function makeFolders(root: string): void {
  const folders = ["dev", "proc", "run", "sys", "tmp", "usr", "etc", ".heye", "root", "mnt"];
  for (const folder of [...folders, "var/lib", "var/log", "var/cache", "var/spool", "var/tmp"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  symlinkSync("../run", join(root, "var/run"));
}

function writeEtc(root: string, name: string, hostKey: string): void {
  const etc = join(root, "etc");
  for (const entry of LOOKED_UP) {
    const source = join(TREES.host, "etc", entry);
    if (existsSync(source)) cpSync(source, join(etc, entry), { recursive: true, verbatimSymlinks: true });
  }
  cpSync(join(TREES.skeleton, "etc"), etc, { recursive: true });
  const write = (path: string, text: string, mode = 0o644): void =>
    writeFileSync(join(etc, path), text, { mode });
  const bus = "messagebus:x:103:103::/nonexistent:/usr/sbin/nologin";
  write("passwd", withLine(join(etc, "passwd"), "messagebus", bus));
  write("group", withLine(join(TREES.host, "etc/group"), "messagebus", "messagebus:x:103:"));
  write("hostname", `${name}\n`);
  write("hosts", `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`);
  write("machine-id", `${Buffer.from(name.padEnd(16, ".")).toString("hex").slice(0, 32)}\n`);
  write("ssh/ssh_host_ed25519_key", hostKey, 0o600);
  const units = join(etc, "systemd/system");
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  const link = (target: string, path: string): void => symlinkSync(target, join(units, path));
  for (const unit of [...MASKED, ...MASKED_OTHERS]) link("/dev/null", unit);
  link("/usr/lib/systemd/system/multi-user.target", "default.target");
  link("/usr/lib/systemd/system/ssh.service", "multi-user.target.wants/ssh.service");
}

/** The text of passwd or group, with a line for an account that may be missing. */
function withLine(file: string, account: string, line: string): string {
  const text = readFileSync(file, "utf8");
  return new RegExp(`^${account}:`, "m").test(text) ? text : `${text.trimEnd()}\n${line}\n`;
}
