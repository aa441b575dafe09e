import { equal } from "node:assert/strict";
import { isGuestMissing } from "../../setup/lab-packages";

describe("the lab's packages", () => {
  const cases: [string, boolean][] = [
    ["it ended with status 100\n    E: Unable to locate package user-mode-linux", true],
    ["it ended with status 100\n    E: Package 'user-mode-linux' has no installation candidate", true],
    ["it ended with status 100\n    E: Unable to locate package ipvsadm", false],
    [
      "it ended with status 100\n    E: Unable to locate package user-mode-linux\n    E: Unable to locate package kmod",
      false,
    ],
    ["it ended with status 100\n    E: Failed to fetch user-mode-linux_6.1_amd64.deb", false],
    ["it ended with status 1", false],
  ];
  for (const [found, expected] of cases) {
    it(`${expected ? "do without the guest's kernel" : "are all needed"} after ${JSON.stringify(found)}`, () => {
      equal(isGuestMissing(found), expected);
    });
  }
});
