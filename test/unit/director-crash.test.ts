import assert from "node:assert/strict";
import { renderRegistry } from "../../director/registry-format";
import { readRequest } from "../../director/request";
import { MadeUpDirector } from "./made-up-director";
import { change, changeTo, memberOf, read, registryOf } from "./script-cases";

const TOOLS = ["head", "flock", "mkdir", "awk", "sha256sum", "sort", "sync", "mv", "rm", "rmdir", "ipvsadm"];

/**
 * Stands in for a tool. The one that comes at (or, of several at a time, after) the number in /run/crash, before it begins or when it has ended, kills the
 * script and itself: its whole process group, as a machine's end would.
 */
const SABOTAGE = `
mkdir /usr/local/sbin/real
mv /usr/local/sbin/ipvsadm /usr/local/sbin/real/
for tool in ${TOOLS.join(" ")}; do
  [ -e /usr/local/sbin/real/$tool ] || ln -s "$(command -v $tool)" /usr/local/sbin/real/$tool
  cat >/usr/local/sbin/$tool <<END
#!/bin/sh
tick() {
  if [ -e /run/crash ]; then
    echo . >>/run/count
    count=0
    while read -r _; do count=\\$((count + 1)); done </run/count
    read -r limit </run/crash
    if [ "\\$count" -ge "\\$limit" ]; then kill -9 0; fi
  fi
}
tick
/usr/local/sbin/real/$tool "\\$@"
status=\\$?
tick
exit \\$status
END
  chmod 755 /usr/local/sbin/$tool
done
`;

describe("a change that is killed at any of its steps", function () {
  this.timeout(400_000);
  let director: MadeUpDirector;
  beforeEach(async () => {
    director = await MadeUpDirector.start({ name: "sh", argv: ["sh"] });
    director.run(SABOTAGE);
  });
  afterEach(() => director.stop());

  const before = registryOf({ 80: [memberOf(1), memberOf(2)], 443: [memberOf(3)] });
  const turned = registryOf({ 80: [memberOf(2, 5), memberOf(4)], 8080: [memberOf(1)] });
  const changes = {
    "one that adds and removes": { after: turned, atAGlance: false },
    "one that adds and removes, at a glance": { after: turned, atAGlance: true },
    "one that removes everything": { after: registryOf({}), atAGlance: false },
  };
  for (const [what, { after, atAGlance }] of Object.entries(changes)) {
    it(`owns all that the kernel holds, holds no lock, and is repaired by the next: ${what}`, async () => {
      for (let step = 1, crashed = true; crashed; step++) {
        const calm = director.shell();
        director.run("rm -rf /var/lib/heye /run/table /run/heye");
        if (atAGlance) director.showGlance();
        const start = await change(calm, (await read(calm)).state, before);
        const shell = director.shell();
        const { id } = await shell.ask(() => readRequest(start.state), "reading");
        director.run(`rm -f /run/count; echo ${step} >/run/crash`);
        director.saves();
        const outcome = await Promise.allSettled([
          change(shell, start.state, after, atAGlance ? id : undefined),
        ]);
        if (atAGlance) assert.equal(director.saves(), 0, `step ${step}`);
        crashed = outcome[0]?.status === "rejected";
        director.run("/usr/bin/rm -f /run/crash");
        const found = await read(director.shell());
        const owned = Object.keys(found.state.registry.owners["edge-1"]?.virtualServers ?? {});
        for (const { address, port, protocol } of found.state.table)
          assert.ok(owned.includes(`${protocol} ${address}:${port}`), `step ${step}: ${port} is nobody's`);
        const repair = changeTo(found.state, after);
        if (repair) await change(director.shell(), found.state, after);
        const end = await read(director.shell());
        assert.equal(changeTo(end.state, after), undefined, `step ${step}`);
        assert.equal(
          director.run("cat /var/lib/heye/registry 2>/dev/null"),
          renderRegistry(after),
          `step ${step}`,
        );
        assert.equal(director.run("flock -n /run/heye/lock echo free"), "free\n");
        await director.hangUp();
        if (!crashed) assert.ok(step > 20, `only ${step} steps`);
      }
    });
  }
});
