/** Stands for agent/open-kernel.ts in agent/daemon.ts: the same kernel, with points to die at and the mistake that is planted. */
import type { Kernel } from "../../../agent/kernel";
import { type KernelWay, openKernel as openWhole } from "../../../agent/open-kernel";
import { dieAt, isToDieAt } from "./death";
import { plant } from "./planted";

export async function openKernel(folder: string): Promise<{ kernel: Kernel; way: KernelWay }> {
  const { kernel, way } = await openWhole(folder);
  const mortal = dying(kernel);
  return { kernel: plant.kernel?.(mortal) ?? mortal, way };
}

function dying(kernel: Kernel): Kernel {
  return {
    read: () => kernel.read(),
    limits: () => kernel.limits(),
    traffic: () => kernel.traffic(),
    connections: () => kernel.connections(),
    async write(edits) {
      if (edits.length === 0) return kernel.write(edits);
      dieAt("batch begun");
      if (isToDieAt("batch half made")) {
        await kernel.write(edits.slice(0, Math.ceil(edits.length / 2)));
        dieAt("batch half made");
      }
      const complaint = await kernel.write(edits);
      dieAt("batch made");
      return complaint;
    },
  };
}
