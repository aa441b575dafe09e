import assert from "node:assert/strict";
import { obstacle } from "./made-up-director";
import { scriptCases } from "./script-cases";

describe("the script on a director", () => {
  before(() => {
    const found = obstacle();
    assert.equal(
      found,
      undefined,
      `needs unshare and nsenter (util-linux) and a mount namespace: run as root, or allow user namespaces. Found: ${found}`,
    );
  });

  scriptCases({ name: "sh", argv: ["sh"] });
  scriptCases({ name: "bash", argv: ["bash", "--posix"] });
});
