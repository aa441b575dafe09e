import type * as dynamic from "@pulumi/pulumi/dynamic";
import { formatPath, type Problem } from "../spec";
import { forEngine } from "./engine-error";
import type { Properties, ResourceHandler } from "./handler";
import { warnOnce } from "./warn";

/** The property in which Pulumi keeps the text that leads back to this package. */
const PROVIDER_KEY = "__provider";

/** The shape of the states we write; a later version that reads an older number brings it into its own shape here. */
const STATE_VERSION = 1;

/** Speaks Pulumi's dynamic-provider protocol for a handler; everything peculiar to that protocol is here. */
export function adapt(handler: ResourceHandler): dynamic.ResourceProvider {
  return {
    check: (_olds: Properties, news: Properties) =>
      answer(news, () => {
        const { inputs, problems, warnings, hints = [] } = handler.check(own(news));
        for (const warning of warnings) console.error(`warning: ${warning}`);
        for (const hint of hints) warnOnce(hint);
        return { inputs: json(inputs), failures: problems.map(failureOf) };
      }),
    diff: (_id: string, olds: Properties, news: Properties) =>
      answer(news, () => {
        const { changes, replaces, deleteBeforeReplace = false } = handler.diff(own(olds), own(news));
        return { changes, replaces: [...replaces], deleteBeforeReplace };
      }),
    create: (inputs: Properties) =>
      answer(inputs, async () => {
        const { id, outputs } = await handler.create(own(inputs));
        return { id, outs: stateOf(outputs) };
      }),
    read: (id: string, props: Properties) =>
      answer(props, async () => {
        const observed = await handler.read(id, own(props));
        if (!observed) return { id: "", props: {} };
        return { id, props: stateOf(observed.outputs), inputs: json(observed.inputs) };
      }),
    update: (id: string, olds: Properties, news: Properties) =>
      answer(news, async () => ({ outs: stateOf(await handler.update(id, own(olds), own(news))) })),
    delete: (id: string, props: Properties) => answer(props, () => handler.delete(id, own(props))),
  };
}

async function answer<T>(properties: Properties, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    // Without `__provider` in the state of an initialisation failure the next operation would fail.
    const state = (outputs: Properties) => ({
      ...stateOf(outputs),
      [PROVIDER_KEY]: properties[PROVIDER_KEY],
    });
    const { error: shown, whole } = forEngine(error, state);
    if (whole !== undefined) console.error(whole);
    throw shown;
  }
}

/**
 * The engine shows the value of a property that is named apart: of a nested one it has none to show, and of an object it
 * would show all that is in it. So the path is a part of the reason, which says what was found.
 */
function failureOf({ path, reason }: Problem): dynamic.CheckFailure {
  return { property: "", reason: path.length === 0 ? reason : `${formatPath(path)}: ${reason}` };
}

function own(properties: Properties): Properties {
  const { [PROVIDER_KEY]: _, schemaVersion: __, ...rest } = properties;
  return rest;
}

function stateOf(outputs: Properties): Properties {
  return { ...json(outputs), schemaVersion: STATE_VERSION };
}

/** The engine takes plain JSON only; absent is the one way to say undefined. */
function json(properties: Properties): Properties {
  return JSON.parse(JSON.stringify(properties)) as Properties;
}
