/** An agent that is killed at a named point, and a director that loses its power: with a variant of the agent, see test/chaos/variant. */
import { setTimeout as delay } from "node:timers/promises";
import type { ChaosCluster } from "./cluster";
import { ABSENT, CRASH_FILES, type CrashPoint, UNSYNCED_FOLDER } from "./crash-points";
import { harmless, KILL, type Struck } from "./struck";

/** How long after it was struck a director loses its power: in the middle of what is done to it, or after it. */
const POWER_AFTER_MS = 1_500;

const ARM = `rm -f ${CRASH_FILES.struck}; printf %s "$1" >${CRASH_FILES.armed}`;
const WHERE_STRUCK = `cat ${CRASH_FILES.struck} 2>/dev/null || :`;
const DISARM = `rm -f ${CRASH_FILES.armed} ${CRASH_FILES.struck}`;

/** The agent dies, and what had not been synced is as it was. */
const LOSE = `
umask 077
${KILL}
for kept in ${UNSYNCED_FOLDER}/*; do
  [ -e "$kept" ] || continue
  path=$(printf %s "\${kept##*/}" | tr % /)
  case $path in *${ABSENT}) rm -f "\${path%${ABSENT}}" ;; *) cat "$kept" >"$path" ;; esac
done`;

/** The agent will be killed when it comes to a point. It does not come to each of them with each operation. */
export async function killedAt(chaos: ChaosCluster, director: string, point: CrashPoint): Promise<Struck> {
  await chaos.variants.put(director);
  await armed(chaos, director, point);
  return {
    ...harmless(Promise.resolve()),
    isMade: async () => (await whereStruck(chaos, director)) === point,
    mend: async () => {
      await chaos.site.on(director, "sh", "-c", DISARM);
      await withoutVariant(chaos, director);
    },
  };
}

/** From now on a director's agent is killed when it comes to a point, once. */
export async function armed({ site }: ChaosCluster, director: string, point: CrashPoint): Promise<void> {
  await site.on(director, "sh", "-c", ARM, "sh", point);
}

/** At which point a director's agent was killed since that was asked for; empty: at none. */
export function whereStruck({ site }: ChaosCluster, director: string): Promise<string> {
  return site.on(director, "sh", "-c", WHERE_STRUCK);
}

/** A director loses its power, and with it what was written and not synced; then it boots. */
export async function losesPower(chaos: ChaosCluster, director: string): Promise<Struck> {
  await chaos.variants.put(director);
  const { site } = chaos;
  const lost = delay(POWER_AFTER_MS)
    .then(() => site.on(director, "sh", "-c", LOSE))
    .then(() => site.lab.fault.rebootDirector(director));
  return { ...harmless(lost), mend: () => withoutVariant(chaos, director) };
}

/** The shipped agent is what everything else is tried with. */
async function withoutVariant({ variants }: ChaosCluster, director: string): Promise<void> {
  if (variants.plant === "") await variants.takeAway(director);
}
