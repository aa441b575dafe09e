/** Reads what strace recorded of a conversation. */

/** What each recorded call is to the durability of a change; the first that fits. */
const STEPS: readonly (readonly [step: string, call: RegExp])[] = [
  ["sync during", /^fsync\(\d+<\/var\/lib\/heye\/incoming\.during>/],
  ["sync after", /^fsync\(\d+<\/var\/lib\/heye\/incoming\.after>/],
  ["sync folder", /^fsync\(\d+<\/var\/lib\/heye>/],
  ["name during", /^rename.*"\/var\/lib\/heye\/incoming\.during", .*"\/var\/lib\/heye\/registry"/],
  ["name after", /^rename.*"\/var\/lib\/heye\/incoming\.after", .*"\/var\/lib\/heye\/registry"/],
  ["remove", /^unlink.*"\/var\/lib\/heye\/registry"/],
];

/**
 * The steps of a conversation's changes, in their order; `edit` is all that one `ipvsadm --restore` said to the kernel.
 * A call that failed is a step `failed CALL`.
 */
export function durableSteps(log: string): string[] {
  const editors = new Set<string>();
  const steps: string[] = [];
  for (const line of log.split("\n")) {
    const [, pid = "", call = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (call.startsWith("execve(") && call.includes('"--restore"')) editors.add(pid);
    const said = /^(?:sendmsg|sendto|setsockopt)\(/.test(call) && editors.has(pid);
    const step = said ? "edit" : STEPS.find(([, expected]) => expected.test(call))?.[0];
    if (step === undefined) continue;
    // mv tries not to replace first.
    if (call.includes("RENAME_NOREPLACE) = -1 EEXIST")) continue;
    if (!said && !/ = 0$/.test(call)) steps.push(`failed ${call}`);
    else if (step !== "edit" || steps.at(-1) !== "edit") steps.push(step);
  }
  return steps;
}
