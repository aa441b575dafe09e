import assert from "node:assert/strict";
import { command } from "../../director/root-script";
import { CHANGE_SETTINGS } from "../../director/settings-script";
import { MadeUpDirector, obstacle } from "./made-up-director";

/** Starts the script, gives it the beginning of its input, and waits until it has read that. */
const BEGUN = `
mkfifo /run/pipe
mkdir -p /run/heye
${command(CHANGE_SETTINGS, "root")} </run/pipe >/run/answer 2>&1 &
exec 8>/run/pipe
echo "expect e3b0" >&8
for try in $(seq 200); do
  if [ -s /run/heye/settings.$! ]; then break; fi
  sleep 0.05
done
`;

describe("the script that changes settings", () => {
  let director: MadeUpDirector;

  before(async () => {
    assert.equal(obstacle(), undefined);
    director = await MadeUpDirector.start({ name: "sh", argv: ["sh"] });
  });

  after(() => director?.stop());

  it("holds no lock while it waits for its input, and leaves nothing when that ends early", () => {
    const seen = director.run(`${BEGUN}
flock -n /run/heye/lock echo free
exec 8>&-
wait
cat /run/answer
ls /run/heye /var/lib`);
    assert.equal(seen, "free\nheye 1 truncated\n/run/heye:\nlock\n\n/var/lib:\n");
  });
});
