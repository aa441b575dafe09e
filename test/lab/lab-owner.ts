/** Brings a lab up, says so, and then waits to be killed. Arguments: name (or nothing) and "keep" (or nothing). */
import { Lab } from "../../lab";

const [name, keep] = process.argv.slice(2);

Lab.up({ ...(name && { name }), directors: 1, servers: 1, database: false, keep: keep === "keep" }).then(
  (lab) => {
    process.stdout.write(`${JSON.stringify(lab.inventory)}\n`);
    setInterval(() => {}, 1_000_000);
  },
  (error: unknown) => {
    process.stderr.write(`${error}\n`);
    process.exitCode = 1;
  },
);
