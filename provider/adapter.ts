import type * as dynamic from "@pulumi/pulumi/dynamic";
import { formatPath } from "../spec";
import { InitialisationError, type Properties, type ResourceHandler } from "./handler";

/** The property in which Pulumi keeps the text that leads back to this package. */
const PROVIDER_KEY = "__provider";

/** Speaks Pulumi's dynamic-provider protocol for a handler; everything peculiar to that protocol is here. */
export function adapt(handler: ResourceHandler): dynamic.ResourceProvider {
  return {
    async check(_olds: Properties, news: Properties) {
      const { inputs, problems, warnings } = handler.check(own(news));
      for (const warning of warnings) console.error(`warning: ${warning}`);
      const failures = problems.map(({ path, reason }) => ({ property: formatPath(path), reason }));
      return { inputs: json(inputs), failures };
    },
    async diff(_id: string, olds: Properties, news: Properties) {
      const { changes, replaces } = handler.diff(own(olds), own(news));
      return { changes, replaces: [...replaces] };
    },
    async create(inputs: Properties) {
      try {
        const { id, outputs } = await handler.create(own(inputs));
        return { id, outs: json(outputs) };
      } catch (error) {
        throw forEngine(error, inputs);
      }
    },
    async read(id: string, props: Properties) {
      try {
        const observed = await handler.read(id, own(props));
        if (!observed) return { id: "", props: {} };
        return { id, props: json(observed.outputs), inputs: json(observed.inputs) };
      } catch (error) {
        throw forEngine(error, props);
      }
    },
    async update(id: string, olds: Properties, news: Properties) {
      try {
        return { outs: json(await handler.update(id, own(olds), own(news))) };
      } catch (error) {
        throw forEngine(error, news);
      }
    },
    async delete(id: string, props: Properties) {
      try {
        await handler.delete(id, own(props));
      } catch (error) {
        throw forEngine(error, props);
      }
    },
  };
}

function own(properties: Properties): Properties {
  const { [PROVIDER_KEY]: _, ...rest } = properties;
  return rest;
}

/** The engine takes plain JSON only; absent is the one way to say undefined. */
function json(properties: Properties): Properties {
  return JSON.parse(JSON.stringify(properties)) as Properties;
}

/**
 * An error as the engine shows it: the message alone, since a stack of ours helps nobody who reads it. An
 * initialisation failure carries what exists now; without `__provider` in it the next operation would fail.
 */
function forEngine(error: unknown, inputs: Properties): unknown {
  const message = error instanceof Error ? error.message : String(error);
  const shown = Object.assign(new Error(message), { stack: "" });
  if (!(error instanceof InitialisationError)) return shown;
  const properties = { ...json(error.outputs), [PROVIDER_KEY]: inputs[PROVIDER_KEY] };
  return Object.assign(shown, { id: error.id, properties, reasons: [message] });
}
