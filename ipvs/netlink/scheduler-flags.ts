import { SERVICE_FLAGS } from "./entries";

/** Flags that have names, by their schedulers and in the order of their bits. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  sh: ["sh-fallback", "sh-port"],
  mh: ["mh-fallback", "mh-port"],
};

/** The bit of a flag, by its name; undefined: there is none. */
export function schedulerFlag(name: string): number | undefined {
  const bits = SERVICE_FLAGS.scheduler;
  const number = /^flag-([123])$/.exec(name)?.[1];
  if (number !== undefined) return bits[Number(number) - 1];
  const named = Object.values(NAMES).find((names) => names.includes(name));
  return named && bits[named.indexOf(name)];
}

/**
 * The flags of a scheduler as an option, in the words of ipvsadm, which says nothing of a third flag where the first two have
 * names; empty: there are none.
 */
export function schedulerFlags(scheduler: string, flags: number): string {
  const bits = SERVICE_FLAGS.scheduler;
  const named = Object.hasOwn(NAMES, scheduler) ? NAMES[scheduler] : undefined;
  const names = named ?? bits.map((_, index) => `flag-${index + 1}`);
  const set = bits.map((bit) => (flags & bit) !== 0);
  if (!set.includes(true)) return "";
  return ` -b ${names.filter((_, index) => set[index]).join(",")}`;
}
