import assert from "node:assert/strict";
import * as fc from "fast-check";
import { desiredService } from "../../director";
import {
  findService,
  parseLimits,
  parseTable,
  plan,
  renderEdits,
  type Service,
  serviceKey,
  type Table,
  withLimits,
} from "../../ipvs";
import { Lab } from "../../lab";
import { handlerFor } from "../../provider";
import { memberOf, registrationOf } from "../../provider/registration";
import type { Inputs as Normal } from "../../provider/virtual-server-state";
import { IDENTITY_FIELDS } from "../../spec";
import { damaged } from "../provider/damage";
import { goodVirtualServer, type Inputs } from "../provider/inputs";

/** Virtual servers at a time on the director. */
const CHUNK = 400;
const INPUTS = 10_000;

interface Accepted {
  readonly inputs: Inputs;
  readonly service: Service;
}

describe("inputs that a preview accepts", () => {
  const seed = Number(process.env.HEYE_SEED ?? Date.now() % 2 ** 31);
  let lab: Lab;
  before(async () => {
    console.log(`    seed ${seed}: HEYE_SEED=${seed} runs the same inputs again`);
    lab = await Lab.up({ directors: 1, servers: 1, database: false });
  });
  after(() => lab?.down());

  const run = async (argv: string[], stdin = "") => {
    const { stdout, stderr } = await lab.exec("d1", ["ipvsadm", ...argv], { stdin });
    return { stdout, stderr };
  };
  const table = async (): Promise<Table> => {
    const [saved, listed] = [
      await run(["--save", "-n"]),
      await run(["-L", "-n", "--thresholds", "--nosort"]),
    ];
    return withLimits(parseTable(saved.stdout), parseLimits(listed.stdout));
  };

  /** Changes what the director holds into these, and proves by reading back that it has taken every one. */
  const apply = async (wanted: readonly Accepted[]) => {
    const desired = wanted.map(({ service }) => service);
    const before = await table();
    const scope = new Set([...before, ...desired].map(serviceKey));
    const { stderr } = await run(["--restore"], renderEdits(plan(before, desired, scope)));
    const after = await table();
    const refused = wanted
      .filter(({ service }) => plan(after, [service], new Set([serviceKey(service)])).length > 0)
      .sort((a, b) => JSON.stringify(a.inputs).length - JSON.stringify(b.inputs).length);
    const [first] = refused;
    if (first) {
      const found = findService(after, serviceKey(first.service));
      const { cluster: _, ...inputs } = first.inputs;
      const shown = { inputs, wanted: first.service, found };
      assert.fail(
        `${refused.length} were not taken; the smallest:\n${JSON.stringify(shown, undefined, 1)}\n${stderr}`,
      );
    }
    assert.equal(after.length, desired.length, "more is there than was asked for");
    assert.equal(stderr, "");
  };

  it(`${INPUTS} of them are accepted by a director too, are read back as they are, and turn into others in place`, async () => {
    const sample = fc.sample(damaged(goodVirtualServer), { seed, numRuns: INPUTS });
    const accepted = distinct(sample.flatMap(accept));
    assert.ok(accepted.length > INPUTS / 10, `${accepted.length} of ${INPUTS}`);
    for (let at = 0; at < accepted.length; at += CHUNK) {
      const chunk = accepted.slice(at, at + CHUNK);
      await apply(chunk);
      await apply(chunk.map((one, index) => inPlaceOf(one, chunk[(index + 1) % chunk.length])));
      await run(["-C"]);
    }
  });
});

function accept(inputs: Inputs): Accepted[] {
  const { inputs: normal, problems } = handlerFor("VirtualServer").check(inputs);
  // The guest's kernel has no twos; what happens then stands in handlers.test.ts.
  if (problems.length > 0 || normal.scheduler === "twos") return [];
  const given = JSON.parse(JSON.stringify(normal)) as Normal;
  const registration = registrationOf(given, (given.realServers ?? []).map(memberOf));
  return [{ inputs, service: desiredService(registration, undefined) }];
}

function distinct(all: readonly Accepted[]): Accepted[] {
  return [...new Map(all.map((one) => [serviceKey(one.service), one])).values()];
}

/** The settings and the pool of another one at the place of the first, if they are accepted there. */
function inPlaceOf(first: Accepted, other: Accepted | undefined): Accepted {
  const place = IDENTITY_FIELDS.map((key) => [key, first.inputs[key]] as const);
  const moved = { ...other?.inputs, ...Object.fromEntries(place) };
  const known = Object.entries(moved).filter(([, value]) => value !== undefined);
  return accept(Object.fromEntries(known))[0] ?? first;
}
