import { BenchError } from "./bench";
import type { UnpackedProgram } from "./guest/keepalived";
import { programs } from "./in-director";
import { keepalivedConf } from "./keepalived-conf";
import { KEPT, KEPT_PACE, type Keeping, type PoolServer } from "./keeping";
import type { BenchSite } from "./site";

const CONF = "/run/heye-bench-keepalived.conf";
const PID = "/run/heye-bench-keepalived.pid";

/** keepalived's checkers, changed by a new file and SIGHUP, as a reload of its unit does. */
export class KeepalivedKeeping implements Keeping {
  #unpacked: UnpackedProgram | undefined;
  #pool: readonly PoolServer[] = [];

  constructor(private readonly site: BenchSite) {}

  async start(pool: readonly PoolServer[]): Promise<void> {
    this.#unpacked = (await programs()).keepalived;
    await this.#write(pool);
    await this.#launch();
  }

  async replace(pool: readonly PoolServer[]): Promise<void> {
    await this.#write(pool);
    await this.#on(`kill -HUP $(cat ${PID})`);
    await this.#settled();
  }

  async restart(): Promise<void> {
    await this.#terminate();
    await this.#launch();
  }

  async end(): Promise<void> {
    await this.#terminate();
  }

  async #write(pool: readonly PoolServer[]): Promise<void> {
    this.#pool = pool;
    const members = pool.map(({ address, port }) => ({ name: `${address}:${port}`, address, port }));
    await this.#on(`cat >${CONF}`, keepalivedConf([{ ...KEPT, members }], KEPT_PACE));
  }

  async #launch(): Promise<void> {
    const { program, libraries } = this.#unpacked ?? { program: "", libraries: "" };
    const args = `-C -l -f ${CONF} -p ${PID} -c /run/heye-bench-checkers.pid`;
    const log = "</dev/null >/run/heye-bench-keepalived.log 2>&1";
    await this.#on(`LD_LIBRARY_PATH='${libraries}' setsid '${program}' --dont-fork ${args} ${log} &`);
    await this.#settled();
  }

  async #terminate(): Promise<void> {
    await this.#on(`pid=$(cat ${PID}); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done`);
  }

  /** Waits until the kernel holds the pool, and nothing else. */
  async #settled(): Promise<void> {
    const has = this.#pool.map(({ address, port }) => `-r ${address}:${port} `);
    for (let look = 0; look < LOOKS; look++) {
      const lines = (await this.#on("ipvsadm --save -n; sleep 0.2"))
        .split("\n")
        .filter((one) => one.startsWith("-a"));
      if (lines.length === has.length && has.every((server) => lines.some((one) => one.includes(server))))
        return;
    }
    throw new BenchError("keepalived did not make its table what its file says");
  }

  async #on(script: string, stdin = ""): Promise<string> {
    const { code, stdout, stderr } = await this.site.lab.exec("d1", ["sh", "-c", script], { stdin });
    if (code !== 0) throw new BenchError(`d1: ${script}: status ${code}: ${stderr}`);
    return stdout;
  }
}

const LOOKS = 100;
