import { AttributeWriter, eachAttribute, readUnsigned } from "./attributes";
import { FLAGS, type Request } from "./message";
import { NetlinkSyntaxError } from "./syntax-error";

/** The family that knows the others (linux/genetlink.h, GENL_ID_CTRL). */
const CONTROLLER = 0x10;
const GET_FAMILY = 3;
const ATTRIBUTES = { id: 1, name: 2 } as const;

/** Asks for a family's number: it is another one after each boot. The kernel answers ENOENT where there is none. */
export function familyRequest(name: string, sequence: number): Request {
  const attributes = new AttributeWriter().text(ATTRIBUTES.name, name).take();
  const head = { family: CONTROLLER, version: 1, command: GET_FAMILY };
  return { ...head, flags: FLAGS.request | FLAGS.ack, sequence, attributes };
}

/** @throws NetlinkSyntaxError */
export function readFamily(attributes: Buffer): number {
  let family: number | undefined;
  eachAttribute(attributes, 0, attributes.length, (type, from, to) => {
    if (type === ATTRIBUTES.id) family = readUnsigned(attributes, from, to);
  });
  if (family === undefined) throw new NetlinkSyntaxError("a family's number", "none");
  return family;
}
