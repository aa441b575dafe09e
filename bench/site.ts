import { type DirectorEntry, Lab, type ServerEntry } from "../lab";
import { BenchError } from "./bench";
import { CountingRelay, type Passage } from "./relay";

/** Of the guest, in MB: without directors, for each, and for an agent of its own on each of so many. */
const MEMORY = { base: 768, director: 12, agent: 60, agents: 32 } as const;

const COMMANDS_FILE = "/run/heye-bench-commands";

/** Directors to measure on. */
export class BenchSite {
  private constructor(
    readonly lab: Lab,
    /** How the directors are reached, by their own ports: nothing stands between. */
    readonly directors: readonly DirectorEntry[],
    private readonly relays: readonly CountingRelay[],
  ) {}

  /** A lab of so many directors, by default without real servers: nothing is sent to them. Each director has a relay before it. */
  static async up(count: number, servers = 0): Promise<BenchSite> {
    const memoryMb = MEMORY.base + MEMORY.director * count + MEMORY.agent * Math.min(count, MEMORY.agents);
    const lab = await Lab.up({ directors: count, servers, database: false, memoryMb });
    const { directors } = lab.inventory;
    const relays = await Promise.all(directors.map(({ port }) => CountingRelay.before(port)));
    return new BenchSite(lab, directors, relays);
  }

  /** The lab's web servers. */
  get servers(): readonly ServerEntry[] {
    return this.lab.inventory.servers.filter(({ role }) => role === "web");
  }

  /** The first directors of the same lab. */
  first(count: number): BenchSite {
    return new BenchSite(this.lab, this.directors.slice(0, count), this.relays.slice(0, count));
  }

  async down(): Promise<void> {
    await Promise.all(this.relays.map((relay) => relay.close()));
    await this.lab.down();
  }

  /** The same directors, reached through relays that count. */
  get counted(): readonly DirectorEntry[] {
    return this.directors.map((director, index) => ({
      ...director,
      port: this.relays[index]?.port ?? director.port,
    }));
  }

  /** What went to each director through its relay since this was last asked. */
  passages(): Passage[] {
    return this.relays.map((relay) => relay.take());
  }

  /**
   * From now on every director counts the commands that it runs for SSH sessions. It costs a process for each, so
   * nothing that is timed may be counted.
   */
  async countCommands(): Promise<void> {
    await this.#onEach(`echo "echo >>${COMMANDS_FILE}" >/etc/ssh/sshrc; : >${COMMANDS_FILE}`);
  }

  /** Ends the counting. @returns how many commands each director ran */
  async commands(): Promise<number[]> {
    const counts = await this.#onEach(`wc -l <${COMMANDS_FILE}; rm -f ${COMMANDS_FILE} /etc/ssh/sshrc`);
    return counts.map(Number);
  }

  /** Makes every director forget everything. */
  async wipe(): Promise<void> {
    await this.#onEach("rm -rf /var/lib/heye /run/heye; ipvsadm -C");
  }

  /** Fails unless every kernel holds so many virtual servers and real servers, and a line where one is named. */
  async expectTables(services: number, members: number, line?: string): Promise<void> {
    const tables = await this.#onEach("ipvsadm --save -n");
    for (const [index, table] of tables.entries()) {
      const lines = table.split("\n");
      const count = (option: string) => lines.filter((one) => one.startsWith(`${option} `)).length;
      const found = `${count("-A")} virtual servers, ${count("-a")} real servers`;
      const expected = `${services} virtual servers, ${members} real servers`;
      if (found !== expected)
        throw new BenchError(`director d${index + 1}: expected ${expected}, found ${found}`);
      if (line !== undefined && !lines.some((one) => one.trim() === line))
        throw new BenchError(`director d${index + 1}: expected the line ${line}, found none like it`);
    }
  }

  async #onEach(script: string): Promise<string[]> {
    const outputs: string[] = [];
    for (const { name } of this.directors) {
      const { code, stdout, stderr } = await this.lab.exec(name, ["sh", "-c", script]);
      if (code !== 0) throw new BenchError(`${name}: ${script}: status ${code}: ${stderr}`);
      outputs.push(stdout);
    }
    return outputs;
  }
}
