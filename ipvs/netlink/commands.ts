import type { Edit } from "../plan";
import { AttributeWriter, NO_BYTES } from "./attributes";
import { destinationEntry, identityOf, serviceEntry } from "./convert";
import { writeDestination } from "./destination";
import type { ServiceEntry } from "./entries";
import { FLAGS, type Request } from "./message";
import { writeService } from "./service";

/** The family's name and version (linux/ip_vs.h). */
export const IPVS = { name: "IPVS", version: 1 } as const;

/** IPVS_CMD_ */
const COMMANDS = {
  ...{ "add-service": 1, "edit-service": 2, "delete-service": 3, getService: 4 },
  ...{ "add-destination": 5, "edit-destination": 6, "delete-destination": 7, getDestination: 8 },
} as const;

/** What a request is about, without what only the one who sends it knows. */
export type Body = Pick<Request, "command" | "attributes">;

/**
 * An edit as the kernel takes it.
 *
 * @throws UnknownOptionError, RangeError: it can be no command, and ipvsadm would refuse it too
 */
export function editBody(edit: Edit): Body {
  const writer = new AttributeWriter();
  const isWhole = edit.kind === "add-service" || edit.kind === "edit-service";
  if (isWhole) writeService(writer, serviceEntry(edit.service), "whole");
  else writeService(writer, identityOf(edit.service), "identity");
  if ("destination" in edit) {
    const part = edit.kind === "delete-destination" ? "identity" : "whole";
    writeDestination(writer, destinationEntry(edit.destination), part);
  }
  return { command: COMMANDS[edit.kind], attributes: writer.take() };
}

/** Asks for all services. */
export function servicesBody(): Body {
  return { command: COMMANDS.getService, attributes: NO_BYTES };
}

/** Asks for all destinations of a service. */
export function destinationsBody(service: ServiceEntry): Body {
  const writer = new AttributeWriter();
  writeService(writer, service, "identity");
  return { command: COMMANDS.getDestination, attributes: writer.take() };
}

/** A dump as it is asked for. */
export function dumpRequest(body: Body, family: number, sequence: number): Request {
  return { ...body, family, version: IPVS.version, flags: FLAGS.request | FLAGS.dump, sequence };
}

/** An edit as it is asked for. `isLast`: it is answered in any case, and with it all before it are done. */
export function editRequest(body: Body, family: number, sequence: number, isLast: boolean): Request {
  const flags = FLAGS.request | (isLast ? FLAGS.ack : 0);
  return { ...body, family, version: IPVS.version, flags, sequence };
}
