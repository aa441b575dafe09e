/** Whether all that the kernels of directors hold is registered there: nobody else would ever take it away. */
import { setTimeout as delay } from "node:timers/promises";
import type { ChaosCluster } from "./cluster";

const PAUSE_MS = 500;

/** Prints each virtual server that is registered by nobody, but for the stranger's. */
const UNOWNED = `
tab=$(printf "\\\\t")
ipvsadm --save -n | while read -r what _ address _; do
  if [ "$what" != -A ] || [ "$address" = 192.0.2.66:80 ]; then continue; fi
  grep -qF "tcp $address$tab" /var/lib/heye/registry 2>/dev/null || echo "$address"
done`;

/** Fails unless each director comes to know whose its virtual servers are; one that was killed ends first what it had begun. */
export async function expectOwned({ site, patienceMs }: ChaosCluster): Promise<void> {
  const end = Date.now() + patienceMs;
  for (const director of site.directorNames)
    for (;;) {
      const unowned = (await site.on(director, "sh", "-c", UNOWNED)).trim();
      if (unowned === "") break;
      if (Date.now() > end) throw new Error(`${director} has ${unowned} in its table, and nobody's`);
      await delay(PAUSE_MS);
    }
}
