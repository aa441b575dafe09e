import { createReadStream } from "node:fs";
import { networkInterfaces, release } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type FlowEnds, type TableConnection, tableConnection } from "../../ipvs";
import { loadLibc } from "../netlink/libc";
import { endpointOf, type Flow } from "./flow";
import { sendPacket } from "./raw-socket";
import { type SendingPlace, type Sent, sendFlow } from "./sending";
import { flowText } from "./text";

const CONNECTIONS = "/proc/net/ip_vs_conn";

/** A flow, and what came of sending it. */
export type TriedFlow = Flow & { readonly sent: Sent };

/**
 * `heye-agent explain flow CLIENT:PORT ADDRESS:PORT --send`: what was computed is held against the kernel. Runs outside the agent,
 * as whoever asks, who has to be root.
 *
 * @param computed what the agent answers
 * @param state the agent's folder
 * @returns the exit status: 1 where the kernel takes another server, or was not asked
 */
export async function sendFlows(
  computed: readonly Flow[],
  [client = "", to = ""]: readonly string[],
  { state, json }: { readonly state: string; readonly json: boolean },
): Promise<number> {
  const ends = endsOf(client, to);
  const place = await thisDirector(state);
  const tried: TriedFlow[] = [];
  for (const flow of computed) tried.push({ ...flow, sent: await sendFlow(flow, ends, place) });
  process.stdout.write(json ? `${JSON.stringify(tried, undefined, 2)}\n` : flowText(tried));
  return tried.every(({ sent }) => sent.because === undefined && sent.agrees !== false) ? 0 : 1;
}

function endsOf(client: string, to: string): FlowEnds {
  const [from, place] = [endpointOf(client), endpointOf(to)];
  if (!from || !place) throw new Error(`expected CLIENT:PORT ADDRESS:PORT, found ${client} ${to}`);
  if (from.port === 0) throw new Error("expected a client's port from 1 to 65535 to send from, found 0");
  return { client: from, place };
}

async function thisDirector(state: string): Promise<SendingPlace> {
  const libc = await loadLibc(join(state, "agent"));
  const interfaces = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return {
    release: release(),
    own: new Set(interfaces.map(({ address }) => address)),
    send: (packet, to) => sendPacket(libc, packet, to),
    find,
  };
}

/** The table may have a million lines: none but the one that is looked for is kept. */
async function find(ends: FlowEnds): Promise<TableConnection | undefined> {
  const lines = createInterface({ input: createReadStream(CONNECTIONS, "latin1") });
  for await (const line of lines) {
    const found = tableConnection(line, ends);
    if (found) return found;
  }
  return undefined;
}
