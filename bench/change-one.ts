import type { DirectorEntry } from "../lab";
import { servicesOf } from "./plan";
import { BenchProvider, type Call, type MadeService } from "./provider";

/** Makes a virtual server with two real servers, to be changed later. */
export async function makeOne(directors: readonly DirectorEntry[]): Promise<MadeService> {
  const provider = await BenchProvider.start(directors);
  try {
    const { made } = await provider.create([await provider.inputsOf(oneService())]);
    const [first] = made;
    if (!first) throw new Error("nothing was made");
    return first;
  } finally {
    await provider.stop();
  }
}

/**
 * Changes its first weight from a provider process that has not logged in anywhere yet, as every `pulumi up` does.
 *
 * @param dialTimeoutS seconds for each dial; without limit by default
 */
export async function changeOne(
  directors: readonly DirectorEntry[],
  made: MadeService,
  weight: number,
  dialTimeoutS?: number,
): Promise<Call> {
  const provider = await BenchProvider.start(directors, dialTimeoutS);
  try {
    return await provider.update(made, await provider.inputsOf(oneService(), weight));
  } finally {
    await provider.stop();
  }
}

function oneService() {
  const [service] = servicesOf({ virtualServers: 1, servers: 2 });
  if (!service) throw new Error("a plan with one virtual server has none");
  return service;
}
