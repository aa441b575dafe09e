/** What this process has said; preview and up are processes of their own. */
const said = new Set<string>();

/** A warning that many resources of a run would give in the same words is given once. */
export function warnOnce(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  console.error(`warning: ${text}`);
}
