import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { embedMessages } from "./embed-messages";
import type { Packed } from "./natives";
import { PROJECT_ROOT } from "./project";

/** A program of ours that is one file. */
export interface ProgramParts {
  /** Where it begins. */
  readonly entry: readonly [room: string, file: string];
  readonly version: string;
  /** The status page, where it serves one. */
  readonly page: string;
  /** koffi's native parts, by the machine they are for. */
  readonly natives: Readonly<Record<string, Packed>>;
  /** Its first line, and what stands at its end. */
  readonly banner: string;
  readonly footer?: string;
  /** What puts something else in the place of parts of it: for tests alone. */
  readonly plugins?: readonly Plugin[];
}

/** Makes one text of the sources and of all that they use. */
export async function programText(parts: ProgramParts): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PROJECT_ROOT, ...parts.entry)],
    bundle: true,
    write: false,
    platform: "node",
    target: "node22",
    format: "cjs",
    minifySyntax: true,
    legalComments: "eof",
    // Known to the sources by these names; see agent/main.ts, agent/page/page.ts, health/regex-search.ts and agent/netlink/libc.ts.
    define: {
      HEYE_AGENT_VERSION: JSON.stringify(parts.version),
      HEYE_BUNDLE: "true",
      HEYE_PAGE: JSON.stringify(parts.page),
      // A text in a text: esbuild would make of an object a module that all others wait for.
      HEYE_NATIVES: JSON.stringify(JSON.stringify(parts.natives)),
    },
    banner: { js: parts.banner },
    footer: { js: parts.footer ?? "" },
    plugins: [embedMessages, ...(parts.plugins ?? [])],
    logLevel: "warning",
  });
  return outputFiles[0]?.text ?? "";
}
