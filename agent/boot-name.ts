import { readFileSync } from "node:fs";

/**
 * A name for the time since this host has booted; another one after each boot, also of a container that has a first process of
 * its own. Undefined: it does not tell.
 *
 * @param proc where procfs is
 */
export function bootName(proc = "/proc"): string | undefined {
  const boot = read(`${proc}/sys/kernel/random/boot_id`)?.trim();
  return boot === undefined ? undefined : `${boot} ${startOf(read(`${proc}/1/stat`) ?? "")}`.trim();
}

/** When a process started, by its stat (proc(5), field 22). Its program's name, in brackets, may hold anything. */
function startOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
