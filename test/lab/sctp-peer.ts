/**
 * One end of an SCTP association, which Node cannot make by itself. Runs inside a node of the lab.
 *
 * `serve ADDRESS PORT NAME` answers every association with NAME until one says `stop`.
 * `ask ADDRESS PORT COUNT` prints the answers, one a line. `stop ADDRESS PORT` ends a server.
 */
import { once } from "node:events";
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import * as koffi from "koffi";

const STOP = "stop";
const [AF_INET, AF_INET6, SOCK_STREAM, IPPROTO_SCTP] = [2, 10, 1, 132];
const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int, int, int)");
const bind = libc.func("int bind(int, const uint8_t *, uint32_t)");
const listen = libc.func("int listen(int, int)");
const accept = libc.func("int accept(int, void *, void *)");
const connect = libc.func("int connect(int, const uint8_t *, uint32_t)");
const send = libc.func("intptr_t send(int, const uint8_t *, size_t, int)");
const receive = libc.func("intptr_t recv(int, _Out_ uint8_t *, size_t, int)");
const close = libc.func("int close(int)");

/** struct sockaddr_in or sockaddr_in6. */
function sockaddr(address: string, port: number): Buffer {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  const head = Buffer.alloc(4);
  head.writeUInt16LE(isIPv6(address) ? AF_INET6 : AF_INET, 0);
  head.writeUInt16BE(port, 2);
  return isIPv6(address)
    ? Buffer.concat([head, Buffer.alloc(4), bytes, Buffer.alloc(4)])
    : Buffer.concat([head, bytes, Buffer.alloc(8)]);
}

function open(address: string): number {
  return checked("socket", socket(isIPv6(address) ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_SCTP));
}

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what} failed: errno ${koffi.errno()}`);
  return result;
}

function serve(address: string, port: number, name: string): void {
  const listener = open(address);
  const local = sockaddr(address, port);
  checked("bind", bind(listener, local, local.length));
  checked("listen", listen(listener, 64));
  for (;;) {
    const peer = checked("accept", accept(listener, null, null));
    const answer = Buffer.from(name);
    checked("send", Number(send(peer, answer, answer.length, 0)));
    // Until the other side has closed: the association is over then.
    const last = Buffer.alloc(64);
    const length = Number(receive(peer, last, last.length, 0));
    close(peer);
    if (last.toString("utf8", 0, Math.max(0, length)) === STOP) return;
  }
}

async function ask(address: string, port: number, count: number, farewell = ""): Promise<void> {
  const remote = sockaddr(address, port);
  for (let asked = 0; asked < count; asked++) {
    const handle = open(address);
    checked("connect", connect(handle, remote, remote.length));
    const buffer = Buffer.alloc(64);
    const length = checked("recv", Number(receive(handle, buffer, buffer.length, 0)));
    if (farewell !== "") send(handle, Buffer.from(farewell), farewell.length, 0);
    close(handle);
    if (!process.stdout.write(`${buffer.toString("utf8", 0, length)}\n`)) await once(process.stdout, "drain");
  }
}

const [verb, address = "", port = "", last = ""] = process.argv.slice(2);
if (verb === "serve") serve(address, Number(port), last);
else if (verb === "stop") void ask(address, Number(port), 1, STOP);
else void ask(address, Number(port), Number(last));
