import { join } from "node:path";

/** The root of the checkout: this file is compiled to dist/setup/. */
export const PROJECT_ROOT = join(__dirname, "..", "..");

/** Everything that the project keeps at run time: state, keys, logs. Ignored by git, removed by `npm run down`. */
export const RUNTIME_FOLDER = join(PROJECT_ROOT, ".heye");
