import type { DirectorEntry } from "../lab";
import { type Measurement, median } from "./record";
import type { Passage } from "./relay";
import type { BenchSite } from "./site";
import { loginOnly, readOnce } from "./ssh";

/** What stands on the other side wherever traffic to a director is counted. */
export const BARE_READ = "a bare login and one ipvsadm --save";

/** What something asked of each director. */
interface Asked {
  readonly passages: readonly Passage[];
  /** Commands that sshd ran, by the directors' own count. */
  readonly commands: readonly number[];
}

/**
 * What a change asks of each director, against a bare login and one read of the table, through the same relays: one
 * login is all there should be, and at most two exchanges after it. Nothing of this is timed, because counting slows it.
 *
 * @param change makes a change on these directors
 */
export async function trafficOf(
  site: BenchSite,
  name: (thing: string) => string,
  change: (directors: readonly DirectorEntry[]) => Promise<unknown>,
): Promise<readonly Measurement[]> {
  const ours = await asked(site, () => change(site.counted));
  const bare = await asked(site, () => Promise.all(site.counted.map(readOnce)));
  const logins = await asked(site, () => Promise.all(site.counted.map(loginOnly)));
  const passed = (key: keyof Passage) => ({
    against: BARE_READ,
    ours: ours.passages.map((passage) => passage[key]),
    peer: bare.passages.map((passage) => passage[key]),
  });
  const loginTurns = median(logins.passages.map(({ turns }) => turns));
  const afterLogin = (all: Asked) => all.passages.map(({ turns }) => turns - loginTurns);
  const turns = {
    against: `${BARE_READ}, the logins taken off`,
    ours: afterLogin(ours),
    peer: afterLogin(bare),
  };
  const commands = { against: BARE_READ, ours: ours.commands, peer: bare.commands };
  return [
    { name: name("logins-each"), unit: "count", ...passed("connections"), aim: 1 },
    { name: name("turns-after-login-each"), unit: "count", ...turns, aim: 2 },
    { name: name("commands-each"), unit: "count", ...commands },
    { name: name("bytes-sent-each"), unit: "bytes", ...passed("bytesSent") },
    { name: name("bytes-received-each"), unit: "bytes", ...passed("bytesReceived") },
  ];
}

async function asked(site: BenchSite, work: () => Promise<unknown>): Promise<Asked> {
  await site.countCommands();
  site.passages();
  await work();
  return { passages: site.passages(), commands: await site.commands() };
}
