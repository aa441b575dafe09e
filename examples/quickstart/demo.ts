import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Lab } from "../../lab";
import { PROJECT_ROOT } from "../../setup/project";
import { showFailure } from "./failure";
import { LAB } from "./lab";
import { type Account, agrees, countQueries, countTraffic, renderAccounts } from "./traffic";

/**
 * What the quickstart shows: a lab, `pulumi up`, traffic that is counted on both sides, a change under load and, where
 * agents run, a server that dies and comes back.
 */
async function demo(mode: "agent" | "ssh"): Promise<boolean> {
  const started = Date.now();
  const lab = await bringUp();

  step("pulumi up: one Cluster, three virtual servers, their pools");
  await pulumi("config", "rm", "web");
  await pulumi("config", "set", "mode", mode);
  // The lab holds nothing yet, whatever an earlier run recorded.
  await pulumi("up", "--yes", "--skip-preview", "--refresh");

  step("Traffic from the client, through the switch, over all three directors");
  const quiet = [
    await countWeb(lab, 300),
    await countEcho(lab, 60),
    await countQueries(lab, DATABASE, "192.0.2.20", 15),
  ];
  console.log(renderAccounts(lab, quiet));

  step("A change: a new server (rs4) and more weight for rs1. What Pulumi will do:");
  await pulumi("config", "set", "--path", "web.rs4", "1");
  await pulumi("config", "set", "--path", "web.rs1", "3");
  await pulumi("preview", "--diff");

  step("The same change applied under load");
  const loaded = await countTraffic(lab, WEB, WEB_URL, "http", async () => {
    const load = await lab.startTraffic({ url: WEB_URL });
    await pulumi("up", "--yes", "--skip-preview");
    return load.stop();
  });
  console.log(renderAccounts(lab, [loaded]));

  let isSurvived = true;
  if (mode === "agent") {
    step("A server dies under load, and comes back; nobody runs Pulumi");
    isSurvived = await showFailure(lab, "rs2");
  }

  const good = isSurvived && [...quiet, loaded].every((account) => agrees(lab, account));
  step(good ? `Done in ${seconds(started)}` : "Something does not add up: see the errors and counts above");
  console.log(next(mode));
  return good;
}

const WEB = "tcp 192.0.2.10:80";
const WEB_URL = "http://192.0.2.10/";
const ECHO = "tcp [2001:db8:100::30]:7000";
const ECHO_URL = "tcp://[2001:db8:100::30]:7000";
const DATABASE = "tcp 192.0.2.20:3306";

/** With agents there is more to look at, and less to do. */
const next = (mode: "agent" | "ssh") => `
What to try next, from this folder:
  . .heye/env
      puts node and pulumi on this shell's PATH
  pulumi config set --path web.rs2 0 && pulumi up
      take a server out
  npm run heye -- lab exec --lab ${LAB} d1 ipvsadm -Ln
      look at a director's kernel
  npm run heye -- lab ssh --lab ${LAB} d1
      log in to it
  npm run heye -- lab exec --lab ${LAB} d2 ipvsadm -C
      wipe a table by hand: ${mode === "agent" ? "its agent fills it again" : "pulumi up --refresh fills it again"}
${mode === "agent" ? STATUS : ""}  npm run heye -- lab fault --help
      break things
Take everything down:
  npm run down`;

const STATUS = `  npm run heye -- status --lab ${LAB}
      what each director's agent sees (explain ADDRESS:PORT and drain ADDRESS:PORT work alike)
`;

/** Always a fresh lab: kernels remember the counters of servers that come back within two minutes. */
async function bringUp(): Promise<Lab> {
  if (Lab.running().includes(LAB)) {
    step("The lab of an earlier run is up: taking it down, to start afresh");
    await Lab.down(LAB);
  }
  step("The lab: three directors, six servers, a switch and a client");
  const started = Date.now();
  const lab = await Lab.up({ name: LAB, keep: true });
  const guest = lab.inventory.mode === "guest";
  const how = guest
    ? "one user-mode Linux guest: this kernel has no IPVS"
    : "network namespaces of this kernel";
  console.log(`  up in ${seconds(started)}, in ${how}`);
  for (const { name, host, port } of lab.inventory.directors)
    console.log(`  ${name}: ssh on ${host}:${port}`);
  return lab;
}

function countWeb(lab: Lab, requests: number): Promise<Account> {
  return countTraffic(lab, WEB, WEB_URL, "http", () => lab.traffic({ url: WEB_URL, requests }));
}

function countEcho(lab: Lab, requests: number): Promise<Account> {
  return countTraffic(lab, ECHO, ECHO_URL, "tcp", () => lab.traffic({ url: ECHO_URL, requests }));
}

async function pulumi(...args: string[]): Promise<void> {
  console.log(`  $ pulumi ${args.join(" ")}`);
  // Pulumi leaves folders behind where temporary files go; here `npm run down` removes them.
  const temporary = join(PROJECT_ROOT, ".heye", "tmp");
  await mkdir(temporary, { recursive: true });
  const child = spawn("pulumi", [...args, "--non-interactive"], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, TMPDIR: temporary },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0)
    throw new Error(`pulumi ${args.join(" ")} ended with status ${code}; what it said stands above`);
}

let steps = 0;
function step(text: string): void {
  steps += 1;
  console.log(`\n${steps}. ${text}`);
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function chosenMode(): "agent" | "ssh" {
  const { mode } = parseArgs({ options: { mode: { type: "string", default: "agent" } } }).values;
  if (mode === "agent" || mode === "ssh") return mode;
  throw new Error(`--mode: expected agent or ssh, found ${JSON.stringify(mode)}`);
}

async function main(): Promise<boolean> {
  return demo(chosenMode());
}

main().then(
  (good) => {
    process.exitCode = good ? 0 : 1;
  },
  (error: unknown) => {
    console.error(`quickstart: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  },
);
