/** An element of the page's own markup. */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** A field of the page's own markup. */
export function input(id: string): HTMLInputElement {
  const found = element(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`the page's #${id} is no field`);
  return found;
}

/** Makes an element. Text is text, whatever is in it: names come from users. */
export function made<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { className = "", text: words = "" }: { readonly className?: string; readonly text?: string } = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Tag] {
  const one = document.createElement(tag);
  if (className !== "") one.className = className;
  if (words !== "") one.textContent = words;
  one.append(...children);
  return one;
}

/** Says something, where it does not stand there already: what is read aloud is not read twice. */
export function say(node: HTMLElement, words: string): void {
  if (node.textContent !== words) node.textContent = words;
}

/** Makes a list show these items in this order, keeping what stays: focus and open parts are not lost. */
export function arrange(parent: HTMLElement, items: readonly HTMLElement[]): void {
  for (const [index, item] of items.entries())
    if (parent.children[index] !== item) parent.insertBefore(item, parent.children[index] ?? null);
  while (parent.children.length > items.length) parent.lastElementChild?.remove();
}
