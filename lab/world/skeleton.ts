/**
 * The files every director has on top of the machine's own: accounts, sshd's configuration, the authorized key.
 * They are needed because the programs come from packages whose maintainer scripts never ran.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeOpaque } from "./kernel";

const ACCOUNTS = [
  "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin",
  "mysql:x:102:102::/nonexistent:/bin/false",
];

/** Written out, not left to sshd's defaults, so that the directors do not depend on the machine's own sshd_config. */
const SSHD_CONFIG = [
  "HostKey /etc/ssh/ssh_host_ed25519_key",
  "AuthorizedKeysFile /etc/ssh/authorized_keys",
  "PermitRootLogin prohibit-password",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
  // 254 directors share one processor: a login that all others wait for too may take minutes.
  "LoginGraceTime 600",
  "StrictModes no",
  "UsePAM no",
  "UseDNS no",
  "PrintMotd no",
  "PrintLastLog no",
  "PidFile /run/sshd.pid",
  "Subsystem sftp internal-sftp",
];

/** Lines of /etc/passwd with the missing accounts added. An account that exists keeps its number. */
export function withAccounts(passwd: string): string {
  const lines = passwd.split("\n").filter((line) => line !== "");
  const names = new Set(lines.map((line) => line.split(":", 1)[0]));
  const missing = ACCOUNTS.filter((line) => !names.has(line.split(":", 1)[0]));
  return `${[...lines, ...missing].join("\n")}\n`;
}

/** /etc/shadow for these accounts: no password opens any of them, and none is locked (sshd refuses locked ones). */
export function shadowOf(passwd: string): string {
  const names = passwd.split("\n").flatMap((line) => line.split(":", 1)[0] || []);
  return names.map((name) => `${name}:*:20000:0:99999:7:::\n`).join("");
}

/** Writes the skeleton tree into `folder`. */
export function writeSkeleton(folder: string, authorizedKey: string): void {
  const passwd = withAccounts(readFileSync("/etc/passwd", "utf8"));
  mkdirSync(join(folder, "etc/ssh"), { recursive: true });
  mkdirSync(join(folder, "root"), { recursive: true, mode: 0o700 });
  const write = (path: string, text: string, mode = 0o644): void =>
    writeFileSync(join(folder, path), text, { mode });
  write("etc/passwd", passwd);
  write("etc/shadow", shadowOf(passwd), 0o600);
  write("etc/ssh/sshd_config", `${SSHD_CONFIG.join("\n")}\n`);
  write("etc/ssh/authorized_keys", `${authorizedKey}\n`, 0o600);
  // What the machine's owner keeps there is none of a director's business, and a lab without root could not read it.
  makeOpaque(join(folder, "root"));
}
