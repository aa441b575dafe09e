import type { Due } from "../due";
import type { Kernel } from "../kernel";
import type { Pools } from "../pools";
import { isLimited } from "../thresholds";

/**
 * What the kernel still lacks of what is wanted, after it has refused something. Read anew: what was complained of may be
 * somebody else's, and what was refused may be there.
 *
 * @throws KernelError
 */
export async function lacking(
  kernel: Pick<Kernel, "read" | "limits">,
  pools: Pick<Pools, "registry" | "due">,
): Promise<Due> {
  const text = await kernel.read();
  return pools.due(text, isLimited(pools.registry) ? await kernel.limits() : undefined);
}
