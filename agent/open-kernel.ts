import { join } from "node:path";
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
    await kernel.read().catch(async () => {
      await run("modprobe", ["ip_vs"], ENVIRONMENT).catch(() => undefined);
      await kernel.read();
    });
    return { kernel, way: { by: "netlink" } };
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    return { kernel: new IpvsadmKernel(), way: { by: "ipvsadm", because } };
  }
}
