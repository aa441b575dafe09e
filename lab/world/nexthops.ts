/** Nexthop groups through netlink: iproute2 cannot send one of more than 127 members. */
import { closeSync, readSync, writeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { announcement } from "../batches";
import type { DirectorNode } from "../topology";
import { ipBatch } from "./ip";
import { netlinkRouteSocket } from "./kernel";

const HEADER = 16;
const NEXTHOP_HEADER = 8;
const MEMBER = 8;
const NEW_NEXTHOP = 104;
const ERROR = 2;
/** NLM_F_REQUEST, ACK, REPLACE, CREATE. */
const FLAGS = 0x1 | 0x4 | 0x100 | 0x400;
const ATTRIBUTE = { id: 1, group: 2 } as const;

/** Lets the router, in whose network the thread must be, spread the virtual addresses over these directors. */
export function announce(directors: readonly DirectorNode[]): void {
  const { groups, routes } = announcement(directors);
  for (const { id, members } of groups) replaceGroup(id, members);
  ipBatch(routes);
}

/** Creates or replaces a group of equal members in the current network. Throws with the kernel's error. */
function replaceGroup(id: number, members: readonly number[]): void {
  const socket = netlinkRouteSocket();
  try {
    writeSync(socket, groupMessage(id, members));
    const answer = Buffer.alloc(8192);
    readSync(socket, answer);
    const errno = answer.readUInt16LE(4) === ERROR ? answer.readInt32LE(HEADER) : 0;
    if (errno !== 0)
      throw new Error(`nexthop group ${id} of ${members.length}: ${getSystemErrorName(errno)}`);
  } finally {
    closeSync(socket);
  }
}

/** The netlink message that creates or replaces a group. */
export function groupMessage(id: number, members: readonly number[]): Buffer {
  const identity = attribute(ATTRIBUTE.id, 4);
  identity.writeUInt32LE(id, 4);
  const group = attribute(ATTRIBUTE.group, MEMBER * members.length);
  // A weight is stored less one, so all weights are 0 here.
  for (const [i, member] of members.entries()) group.writeUInt32LE(member, 4 + MEMBER * i);
  const header = Buffer.alloc(HEADER + NEXTHOP_HEADER);
  const message = Buffer.concat([header, identity, group]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(NEW_NEXTHOP, 4);
  message.writeUInt16LE(FLAGS, 6);
  return message;
}

function attribute(kind: number, length: number): Buffer {
  const buffer = Buffer.alloc(4 + length);
  buffer.writeUInt16LE(4 + length, 0);
  buffer.writeUInt16LE(kind, 2);
  return buffer;
}
