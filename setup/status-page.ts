import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { PROJECT_ROOT } from "./project";

/** The agent's status page, its style and its program put into its markup: it needs no other file. */
export function statusPage(): string {
  const folder = join(PROJECT_ROOT, "agent", "page");
  const { outputFiles } = buildSync({
    entryPoints: [join(folder, "client", "main.ts")],
    bundle: true,
    write: false,
    platform: "browser",
    target: "es2022",
    format: "iife",
    minify: true,
    logLevel: "warning",
  });
  const parts = [
    ["/* page.css */", readFileSync(join(folder, "page.css"), "utf8")],
    ["/* page.js */", outputFiles[0]?.text ?? ""],
  ] as const;
  let html = readFileSync(join(folder, "page.html"), "utf8");
  for (const [place, text] of parts) html = html.replace(place, () => text);
  return html;
}
