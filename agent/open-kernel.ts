import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { IpvsadmKernel } from "./ipvsadm-kernel";
import type { Kernel } from "./kernel";
import { NetlinkKernel } from "./netlink/kernel";
import { loadLibc } from "./netlink/libc";
import { NetlinkSocket } from "./netlink/socket";
import { run } from "./standby";

/** By which way an agent edits and reads IPVS. */
export interface KernelWay {
  readonly by: "netlink" | "ipvsadm";
  /** Why it is not netlink. */
  readonly because?: string;
}

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** A read may fail for a reason that passes, and which way is gone is decided once. */
const READS = 3;
const APART_MS = 200;

/**
 * Reads a table, several times where that fails. Throws what the last read has thrown.
 *
 * @param load loads what may be lacking, after the first
 */
export async function readAtLast(kernel: Pick<Kernel, "read">, load: () => Promise<unknown>): Promise<void> {
  for (let read = 1; ; read++) {
    try {
      await kernel.read();
      return;
    } catch (error) {
      if (read === READS) throw error;
      if (read === 1) await load().catch(() => undefined);
      else await delay(APART_MS);
    }
  }
}

/**
 * The kernel over netlink or, where that is not to be had (another C library or processor, a disk where nothing can be
 * put), by way of ipvsadm.
 *
 * @param folder the agent's own, for what has to be a file
 */
export async function openKernel(folder: string): Promise<{ kernel: Kernel; way: KernelWay }> {
  try {
    const libc = await loadLibc(join(folder, "agent"));
    const kernel = new NetlinkKernel(() => new NetlinkSocket(libc));
    // Who asks for the family does not load the module, as ipvsadm does.
    await readAtLast(kernel, () => run("modprobe", ["ip_vs"], ENVIRONMENT));
    return { kernel, way: { by: "netlink" } };
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    return { kernel: new IpvsadmKernel(), way: { by: "ipvsadm", because } };
  }
}
