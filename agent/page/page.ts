import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

declare const HEYE_PAGE: string | undefined;

/** A page, and what its browser is told besides. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

let page: Page | undefined;

/**
 * The status page: one file that needs nothing else. Its browser may run and style by what stands in it, and talk to whoever
 * sent it; it loads nothing, is shown in no other page, and tells nobody where it came from.
 */
export function statusPage(): Page {
  if (!page) {
    const html = read();
    page = { html, headers: headersOf(html) };
  }
  return page;
}

/** In the bundle it is there by name; else the set-up has put it beside the bundle. */
function read(): string {
  if (typeof HEYE_PAGE !== "undefined") return HEYE_PAGE;
  return readFileSync(join(__dirname, "..", "page.html"), "utf8");
}

function headersOf(html: string): Page["headers"] {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(html, "script")}`,
    `style-src ${hashOf(html, "style")}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}

/** Names the one element of a kind by what is in it: nothing that got into the page in another way is run. */
function hashOf(html: string, tag: "script" | "style"): string {
  const [, content = ""] = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(html) ?? [];
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}
