import assert from "node:assert/strict";
import { AgentRefusedError, type Director, type Owner, UnreachableError } from "../../director";
import { INSTALL_AGENT } from "../../director/agent-script";
import { StillSharedError, setApart } from "../../provider/apart";

const TOLD = "f".repeat(64);
const owner = (label: string): Owner => ({ label, virtualServers: {} });

/** A director with an agent, as far as leaving a cluster goes. */
class Leaver {
  readonly name = "d1";
  readonly mode = "agent";
  /** Digest of what its agent was told. */
  told = TOLD;
  isReached = true;
  installed = 0;

  constructor(
    private readonly owners: Readonly<Record<string, Owner>>,
    private readonly isSharing = true,
  ) {}

  async execute(script: string) {
    if (!this.isReached) throw new UnreachableError(this.name, "192.0.2.11:22", 1, "it is gone");
    if (script !== INSTALL_AGENT) return said(`runs 0.1.0 ${this.told}`);
    this.installed++;
    this.told = "-";
    return said("installed");
  }

  async read() {
    return { registry: { owners: this.owners } };
  }

  async plane() {
    if (!this.isSharing) throw new AgentRefusedError(this.name, "asking what it shares", "with nobody");
    return {};
  }

  get asDirector(): Director {
    return this as unknown as Director;
  }
}

const said = (stdout: string) => ({ stdout: `heye 1 ${stdout}\n`, stderr: "", exitCode: 0 });

describe("a director that has left its cluster", () => {
  it("shares nothing any more, once for all that leaves it", async () => {
    const site = new Leaver({ "me-1": owner("edge") });
    await Promise.all([setApart(site.asDirector, "me-1"), setApart(site.asDirector, "me-1")]);
    await setApart(site.asDirector, "me-1");
    assert.deepEqual([site.installed, site.told], [1, "-"]);
  });

  it("is asked again after it could not be reached", async () => {
    const site = new Leaver({ "me-1": owner("edge") });
    site.isReached = false;
    await assert.rejects(setApart(site.asDirector, "me-1"), UnreachableError);
    site.isReached = true;
    await setApart(site.asDirector, "me-1");
    assert.equal(site.installed, 1);
  });

  it("goes on with what it was told where another cluster has entries there", async () => {
    const both = { "me-1": owner("edge"), "other-1": owner("bank/prod Cluster core") };
    const [sharing, alone] = [new Leaver(both), new Leaver(both, false)];
    await assert.rejects(
      setApart(sharing.asDirector, "me-1"),
      (error: Error) =>
        error instanceof StillSharedError && /bank\/prod Cluster core has entries/.test(error.message),
    );
    await setApart(alone.asDirector, "me-1");
    assert.deepEqual([sharing.told, alone.told], [TOLD, TOLD]);
  });
});
