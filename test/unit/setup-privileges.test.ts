import assert from "node:assert/strict";
import { refusal } from "../../setup/privileges";

const SUDO = "sudo npm test";

/** What the kernel's files say, by their path below /proc/sys. */
function reading(files: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => files[path];
}

describe("setup: the right to build a lab", () => {
  for (const [path, forbidding, allowing, name] of [
    ["user/max_user_namespaces", "0\n", "63000\n", "user.max_user_namespaces"],
    ["kernel/unprivileged_userns_clone", "0\n", "1\n", "kernel.unprivileged_userns_clone"],
    [
      "kernel/apparmor_restrict_unprivileged_userns",
      "1\n",
      "0\n",
      "kernel.apparmor_restrict_unprivileged_userns",
    ],
  ] as const)
    it(`blames ${name} when it forbids user namespaces, and only then`, () => {
      const forbidden = refusal(1000, "EPERM", reading({ [path]: forbidding }), SUDO);
      assert.equal(forbidden.name, "RootNeeded");
      assert.ok(forbidden.explanation.found.includes(`user 1000, and ${name} = ${forbidding.trim()}`));
      assert.match(forbidden.explanation.next, /^sudo npm test; or allow it: sudo sysctl -w /);
      const other = refusal(1000, "EPERM", reading({ [path]: allowing }), SUDO);
      assert.ok(!other.message.includes(name));
      assert.match(other.explanation.found, /this system forbids it \(EPERM\)/);
      assert.match(other.explanation.next, /seccomp or AppArmor profile/);
    });
});
