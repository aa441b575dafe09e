import assert from "node:assert/strict";
import type { Director, DirectorWord, PlaneAnswer } from "../../director";
import { stillBehind } from "../../provider/followers";

const word = (director: string, revision: number, troubles: readonly string[] = []): DirectorWord => ({
  ...{ director, version: "1", revision, troubles, down: 0, lost: 0 },
  digests: { registry: "-", table: "-" },
});

/** A director that says of the others, each time it is asked, the next of these; the last for ever. */
function witness(...answers: readonly (readonly DirectorWord[])[]): Director {
  let asked = 0;
  const plane = async (): Promise<PlaneAnswer> => ({
    ...{
      store: "etcd",
      endpoints: [],
      prefix: "/p",
      state: "following",
      since: 0,
      revision: 5,
      conflicts: [],
    },
    directors: answers[Math.min(asked++, answers.length - 1)] ?? [],
  });
  return { name: "d1", mode: "agent", plane } as unknown as Director;
}

const BEHIND = { d2: "it cannot be reached.", d3: "it cannot be reached." };

describe("directors that could not be reached", () => {
  it("are not behind where they have followed all the same", async () => {
    const one = witness([word("d1", 5), word("d2", 5), word("d3", 6)]);
    assert.deepEqual(await stillBehind([one], BEHIND, 0), {});
  });

  it("are waited for while they are alive, and are behind where they are not", async () => {
    const one = witness([word("d2", 4)], [word("d2", 5)]);
    assert.deepEqual(await stillBehind([one], BEHIND), { d3: BEHIND.d3 });
  });

  it("are behind where they do not follow, and say why", async () => {
    const one = witness([word("d2", 4), word("d3", 5, ["no room"])]);
    assert.deepEqual(await stillBehind([one], BEHIND, 0), {
      d2: `${BEHIND.d2} It is alive, and has not applied revision 5 yet.`,
      d3: `${BEHIND.d3} It says: no room`,
    });
  });

  it("are behind where nobody knows of them", async () => {
    const alone = { name: "d1", mode: "agent", plane: async () => undefined } as unknown as Director;
    const ssh = { name: "d1", mode: "ssh" } as unknown as Director;
    for (const reached of [[alone], [ssh], []]) assert.equal(await stillBehind(reached, BEHIND, 0), BEHIND);
  });
});
