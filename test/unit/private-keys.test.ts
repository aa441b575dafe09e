import assert from "node:assert/strict";
import { UNKNOWN } from "../../provider";
import { privateKeyWarnings } from "../../provider/private-keys";
import type { Cluster, Connection } from "../../spec";
import { ed25519Key } from "./ed25519-key";

const KEY = ed25519Key();
const LOCKED = ed25519Key({ passphrase: "opens", cipher: "aes256-ctr", rounds: 1 });

function warnings(connection: Connection | undefined, ...own: readonly (Connection | undefined)[]): string[] {
  const directors = own.map((one, index) => ({ name: `lb${index}`, ...(one && { connection: one }) }));
  return privateKeyWarnings({ connection, directors } as Partial<Cluster>);
}

describe("private keys of a cluster", () => {
  it("one that opens is not spoken of, nor what is not known yet", () => {
    assert.deepEqual(warnings({ privateKey: KEY.private }, {}), []);
    assert.deepEqual(warnings({ privateKey: LOCKED.private, privateKeyPassword: "opens" }, {}), []);
    assert.deepEqual(warnings({ privateKey: UNKNOWN }, {}), []);
    assert.deepEqual(warnings({ privateKey: LOCKED.private, privateKeyPassword: UNKNOWN }, {}), []);
    assert.deepEqual(privateKeyWarnings({ directors: UNKNOWN as never }), []);
    assert.deepEqual(privateKeyWarnings({ connection: UNKNOWN as never, directors: [{ name: "a" }] }), []);
    assert.deepEqual(privateKeyWarnings({ directors: [UNKNOWN as never] }), []);
    assert.deepEqual(warnings({ privateKey: "no key" }, { connection: UNKNOWN } as never).length, 1);
  });

  it("each that cannot be used is named where it was given, once, and nothing of it is repeated", () => {
    const told = warnings({ privateKey: "s3cret" }, {}, {}, { privateKey: KEY.public }, undefined);
    assert.deepEqual(
      told.map((text) => text.split(" ").slice(0, 5).join(" ")),
      ["connection.privateKey is not a private", "directors[2].connection.privateKey is a public key:"],
    );
    assert.doesNotMatch(told.join(), /s3cret/);
  });

  it("says of one that is locked what its password does", () => {
    const [missing = ""] = warnings({ privateKey: LOCKED.private }, {});
    assert.match(missing, /^connection\.privateKey is encrypted, and privateKeyPassword is missing:/);
    const [wrong = ""] = warnings({ privateKey: LOCKED.private, privateKeyPassword: "s3cret" }, {});
    assert.match(wrong, /^connection\.privateKey is not opened by privateKeyPassword:/);
    assert.doesNotMatch(wrong, /s3cret/);
  });

  it("knows the one of a bastion, whoever names the bastion", () => {
    const proxy = { host: "bastion", privateKey: "none" };
    const [shared = ""] = warnings({ proxy }, {});
    assert.match(shared, /^connection\.proxy\.privateKey is not a private key/);
    const [own = ""] = warnings({}, { proxy });
    assert.match(own, /^directors\[0\]\.connection\.proxy\.privateKey is not/);
  });
});
