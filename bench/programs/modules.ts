/** Packages that the peers' constant texts lead to, and where they lie: found as pulumi-heye is found by ours. */
export const MODULES: Readonly<Record<string, string>> = {
  "heye-bench-noop": "noop-handler.js",
  "heye-bench-command": "command-handler.js",
};

/** The text in a resource whose handler does nothing. */
export const NOOP_STUB = `exports.handler=()=>require("heye-bench-noop").provider`;

/** The text in a resource that logs in and runs one command. */
export const COMMAND_STUB = `exports.handler=()=>require("heye-bench-command").provider`;
