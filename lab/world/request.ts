/** One request of a load. */
import { createSocket } from "node:dgram";
import { connect, isIPv6, type Socket } from "node:net";
import type { TrafficPlan } from "./traffic";

/** Resolves to the name of the server that answered; rejects with a reason that is the same each time. */
export function request(plan: TrafficPlan): Promise<string> {
  return plan.protocol === "udp" ? askByDatagram(plan) : askByConnection(plan);
}

/** Calls after a time, once what has arrived by then was read: a process that has itself stood still has lost nothing. */
function afterReading(act: () => unknown, ms: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(act), ms);
}

function askByDatagram({ host, port, answerTimeoutMs }: TrafficPlan): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const done = (act: () => void): void => {
      isOver = true;
      clearTimeout(timer);
      socket.close();
      act();
    };
    let isOver = false;
    const late = () => isOver || done(() => reject(new Error("no answer in time")));
    const timer = afterReading(late, answerTimeoutMs);
    socket.on("message", (message) => done(() => resolve(message.toString("utf8").trim())));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      done(() => reject(new Error(error.code ?? error.message))),
    );
    // Connected, so that an answer from any other address is not taken, and a refusal is heard.
    socket.connect(port, host, () => socket.send("?\n"));
  });
}

function askByConnection(plan: TrafficPlan): Promise<string> {
  const { host, port } = plan;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port, noDelay: true });
    let text = "";
    let timer = afterReading(() => socket.connecting && fail("no connection in time"), plan.connectTimeoutMs);
    const done = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const fail = (reason: string): void => done(() => reject(new Error(reason)));
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = afterReading(() => fail("no answer in time"), plan.answerTimeoutMs);
      socket.write(plan.protocol === "tcp" ? "?\n" : requestText(plan));
    });
    socket.on("data", (chunk: string) => {
      text += chunk;
      const answer = plan.protocol === "tcp" ? lineOf(text) : bodyOf(text);
      if (answer !== undefined)
        done(() => (answer.ok ? resolve(answer.text) : reject(new Error(answer.text))));
    });
    socket.on("end", () => fail("closed without an answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}

function requestText(plan: TrafficPlan): string {
  const host = plan.host.includes(":") ? `[${plan.host}]` : plan.host;
  return `GET ${plan.path} HTTP/1.1\r\nhost: ${host}:${plan.port}\r\nconnection: close\r\n\r\n`;
}

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

function lineOf(text: string): Answer | undefined {
  const end = text.indexOf("\n");
  return end < 0 ? undefined : { ok: true, text: text.slice(0, end) };
}

/** The lab's servers always send a content-length; undefined as long as the body is not complete. */
function bodyOf(text: string): Answer | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  const body = text.slice(head + 4);
  if (body.length < length) return undefined;
  const status = text.split(" ", 2)[1] ?? "?";
  return status === "200" ? { ok: true, text: body.trim() } : { ok: false, text: `status ${status}` };
}
