import { mkdir, rm, writeFile } from "node:fs/promises";
import * as http from "node:http";
import { join } from "node:path";
import {
  AGENT_PROTOCOL,
  type ChangeAnswer,
  type ChangeOrder,
  desiredService,
  joinLines,
  PROTOCOL_HEADER,
  registryLines,
  type StateAnswer,
  sha256,
  tableDigest,
  withServices,
} from "../../director/data";
import { registryDelta } from "../../director/registry-format";
import { readTableText } from "../../director/table-text";
import { findService, serviceKey } from "../../ipvs";
import { virtualServerKey } from "../../spec";
import { allDownText, type Pace, registrationOf, registryOf, registryText } from "../checked";
import type { PlannedService } from "../plan";
import { type Contestant, Daemon } from "./contestant";

const STATE = "/var/lib/heye";
const SOCKET = "/run/heye-bench-agent.sock";

/** The agent as its unit starts it, on a director where the provider has registered everything before. */
export class Agent implements Contestant {
  #services: readonly PlannedService[] = [];

  /** @param program heye-agent.js */
  constructor(private readonly program: string) {}

  /** @param pace absent: nothing is asked of the servers */
  async prepare(services: readonly PlannedService[], pace?: Pace): Promise<void> {
    await rm(STATE, { recursive: true, force: true });
    await mkdir(STATE, { mode: 0o700 });
    await writeFile(join(STATE, "registry"), registryText(services, pace), { mode: 0o600 });
    if (pace?.checkedFirst === true) {
      await mkdir(join(STATE, "agent"), { mode: 0o700 });
      await writeFile(join(STATE, "agent", "health.json"), allDownText(services, pace), { mode: 0o600 });
    }
    this.#services = services;
  }

  /** @param pollMs how often it looks at the table; default: as often as its unit has it */
  launch(pollMs?: number): Daemon {
    const args = [this.program, "run", "--state", STATE, "--socket", SOCKET];
    if (pollMs !== undefined) args.push("--poll-ms", `${pollMs}`);
    return new Daemon(process.execPath, args, process.env, "/run/heye-bench-agent.log");
  }

  /** Its metrics in Prometheus' text format. */
  metrics(): Promise<string> {
    return read("GET", "/metrics");
  }

  /** What the provider works out before it asks the agent: it knows the state from the change before. */
  async prepareChange(services: readonly PlannedService[], pace: Pace): Promise<() => Promise<void>> {
    const { digests, table } = await ask<StateAnswer>("GET", "/v1/state?registry=-&table=-");
    const text = readTableText(table ?? []);
    const before = registryLines(registryOf(this.#services, pace));
    const after = registryLines(registryOf(services, pace));
    const changed = services.filter((one, index) => one !== this.#services[index]);
    const desired = changed.map((one) => {
      const registration = registrationOf(one, pace);
      const found = findService(text.table, virtualServerKey(registration));
      return desiredService(registration, found, registration.members);
    });
    const scope = desired.map(serviceKey);
    const { lines } = withServices(text, desired, new Set(scope));
    const predict = { registry: sha256(joinLines(after.values())), table: tableDigest(lines) };
    const registry = registryDelta(before, after);
    const order: ChangeOrder = { expect: digests, predict, registry, scope, desired };
    this.#services = services;
    return async () => {
      const { outcome, messages, state } = await ask<ChangeAnswer>("POST", "/v1/changes", order);
      if (outcome !== "applied" || messages !== "") throw new Error(`the agent: ${outcome}: ${messages}`);
      if (state.table !== undefined) throw new Error("the agent's table is not the one that was predicted");
    };
  }
}

async function ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  return JSON.parse(await read(method, path, body)) as T;
}

function read(method: "GET" | "POST", path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { [PROTOCOL_HEADER]: AGENT_PROTOCOL };
    const request = http.request({ socketPath: SOCKET, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${path}: ${text}`));
      });
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
