/** Chooses how the world is run, by trying what the kernel can do. */
import { execFile } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { promisify } from "node:util";
import { isRoot } from "../setup";
import { NoKernelError } from "./errors";
import type { Cable, Mode } from "./keeper/config";
import { availableIn, layerEnvironment } from "./layer";

const execFileAsync = promisify(execFile);

/** Which mode to use. `auto`: namespaces where the kernel has IPVS, else a guest. Throws NoKernelError when it cannot be had. */
export async function chooseMode(wanted: Mode | "auto", layer: string): Promise<Mode> {
  const guest = existsSync(availableIn(layer, "usr/bin/linux.uml"));
  if (wanted === "guest" && guest) return "guest";
  const ipvs = wanted === "guest" ? "not asked for" : await whyNoIpvs(layer);
  if (ipvs === undefined) return "namespaces";
  if (wanted === "auto" && guest) return "guest";
  throw new NoKernelError(
    `The lab needs a kernel with IPVS, found none (${wanted === "auto" ? "" : `mode ${wanted} was asked for; `}` +
      `IPVS on this kernel: ${ipvs}; user-mode Linux: ${guest ? "there" : "not found"}). ` +
      "Either load it (`modprobe ip_vs`; most distributions' kernels have the module), " +
      "or install a user-mode Linux (`apt-get install user-mode-linux`).",
  );
}

/** How a guest is to be connected: by a tap where this user may open /dev/net/tun. */
export function chooseCable(): Cable {
  try {
    closeSync(openSync("/dev/net/tun", "r+"));
    return "tap";
  } catch {
    // Containers have no such device, and in some systems it is root's alone.
    return "packets";
  }
}

/** undefined when an IPVS table can be read in a fresh network namespace; otherwise the reason why not. */
async function whyNoIpvs(layer: string): Promise<string | undefined> {
  // The kernel takes changes of IPVS tables from the machine's root only, whatever namespace they are in.
  if (!isRoot()) return "for root only";
  // A kernel loads it by itself on first use, but only a use of IPVS counts as that. It may as well be built in.
  const modprobe = availableIn(layer, "usr/sbin/modprobe");
  await execFileAsync(modprobe, ["ip_vs"], { env: layerEnvironment(layer) }).catch(() => undefined);
  try {
    await execFileAsync("unshare", ["--net", "--", "cat", "/proc/thread-self/net/ip_vs"]);
    return undefined;
  } catch (error) {
    return error instanceof Error && /No such file/.test(error.message) ? "it has none" : String(error);
  }
}
