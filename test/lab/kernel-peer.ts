/**
 * Runs on a director: makes tables by one way to the kernel, and tells what each way reads of them. Orders come as JSON
 * on standard input, the answers go out so.
 */
import { text } from "node:stream/consumers";
import { IpvsadmKernel } from "../../agent/ipvsadm-kernel";
import type { Kernel } from "../../agent/kernel";
import { NetlinkKernel } from "../../agent/netlink/kernel";
import { loadLibc } from "../../agent/netlink/libc";
import { type Channel, NetlinkSocket } from "../../agent/netlink/socket";
import { type Edit, plan, serviceKey, type Table } from "../../ipvs";
import { converse, type Recording, type Told } from "../unit/netlink-recording";

/** One step. */
export interface KernelOrder {
  readonly by: "netlink" | "ipvsadm";
  /** Edits to make; or a table to come to, from whatever is there. */
  readonly edits?: readonly Edit[];
  readonly table?: Table;
}

/** What one way reads. */
export interface Reading extends Omit<Told, "complaints"> {
  readonly table: Table;
}

/** What came of one step. */
export interface KernelAnswer {
  readonly complaint: string;
  readonly netlink: Reading;
  readonly ipvsadm: Reading;
}

/** Everything that came of orders; or, where there was none, of a conversation that is recorded. */
export interface KernelAnswers {
  readonly answers: readonly KernelAnswer[];
  readonly recording?: Recording;
}

const datagrams: string[] = [];

/** Writes down what passes. */
function recorded(channel: Channel): Channel {
  return {
    send: (bytes) => {
      datagrams.push(`>${bytes.toString("hex")}`);
      channel.send(bytes);
    },
    receive: () => {
      const bytes = channel.receive();
      if (bytes) datagrams.push(`<${bytes.toString("hex")}`);
      return bytes;
    },
    close: () => channel.close(),
  };
}

async function reading(kernel: Kernel): Promise<Reading> {
  const { lines, table } = await kernel.read();
  const limits = [...(await kernel.limits())].map(([key, pool]) => [key, [...pool]] as const);
  return { lines, table, limits, traffic: await kernel.traffic() };
}

async function main(): Promise<void> {
  const orders = JSON.parse(await text(process.stdin)) as readonly KernelOrder[];
  const libc = await loadLibc("");
  const netlink = new NetlinkKernel(() => new NetlinkSocket(libc));
  const kernels = { netlink, ipvsadm: new IpvsadmKernel() };
  const answers: KernelAnswer[] = [];
  for (const { by, edits, table = [] } of orders) {
    const { table: actual } = await netlink.read();
    const scope = new Set([...actual, ...table].map(serviceKey));
    const complaint = await kernels[by].write(edits ?? plan(actual, table, scope));
    // One that has seen nothing: what it foresees is not what the kernel holds.
    const ipvsadm = await reading(new IpvsadmKernel());
    answers.push({ complaint, netlink: await reading(netlink), ipvsadm });
  }
  const recording = orders.length === 0 && {
    told: await converse(
      new NetlinkKernel(
        () => recorded(new NetlinkSocket(libc)),
        () => undefined,
      ),
    ),
    datagrams,
  };
  const told = JSON.stringify({ answers, ...(recording && { recording }) } satisfies KernelAnswers);
  await new Promise((resolve) => process.stdout.write(told, resolve));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
