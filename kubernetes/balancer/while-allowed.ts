/** How often it is looked whether something may still be done, in ms. */
const LOOK_MS = 500;

/**
 * Does something that takes long, and breaks it off when it may not be done any more: what a replica has sent while it led
 * is not to come about when another one leads, which knows nothing of it.
 *
 * @param work has to end when the signal fires
 */
export async function whileAllowed<T>(
  ending: AbortSignal,
  isAllowed: () => boolean,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const working = new AbortController();
  const end = () => working.abort(ending.reason);
  const timer = setInterval(() => {
    if (!isAllowed()) working.abort(new Error("another replica may lead"));
  }, LOOK_MS);
  if (ending.aborted) end();
  else ending.addEventListener("abort", end, { once: true });
  try {
    return await work(working.signal);
  } finally {
    clearInterval(timer);
    ending.removeEventListener("abort", end);
  }
}
