import type { Registration } from "../registry";
import { DirectorError } from "./director-error";

/** Something that nobody registered already stands where an entry is to go. */
export class ForeignEntryError extends DirectorError {
  readonly code = "HEYE_FOREIGN_ENTRY";

  constructor(director: string, entry: string, found: string) {
    super(
      director,
      `${entry} already exists and belongs to no stack: ${found}. It was left as it is. ` +
        "Remove it there (who made it: keepalived, kube-proxy, a person?), use another address or port, or take it over with `adopt: true`.",
    );
  }
}

/** Another stack, or another resource of this one, owns the entry. */
export class OwnedElsewhereError extends DirectorError {
  readonly code = "HEYE_OWNED_ELSEWHERE";

  constructor(director: string, entry: string, owner: string, remedy: string) {
    super(director, `${entry} belongs to ${owner}. It was left as it is. ${remedy}`);
  }
}

/** There is no virtual server to put a real server into: it is not registered on that director. */
export class NoVirtualServerError extends OwnedElsewhereError {
  constructor(director: string, key: string) {
    super(
      director,
      `virtual server ${key}`,
      "nobody: it is not registered there",
      "Run `pulumi up --refresh`, which finds and repairs it.",
    );
  }
}

/** The kernel does not hold what was written to it. */
export class NotAppliedError extends DirectorError {
  readonly code = "HEYE_NOT_APPLIED";

  /** @param before what was registered there, to undo the change by */
  constructor(
    director: string,
    differences: readonly string[],
    messages: string,
    readonly before: Registration | undefined,
  ) {
    const said =
      messages.trim() === "" ? "" : `\n  ipvsadm said: ${messages.trim().replaceAll("\n", "\n  ")}`;
    super(
      director,
      `the kernel did not take the change:\n  ${differences.join("\n  ")}${said}\n  ` +
        "Where no words name a cause, see the director's dmesg, and that modprobe finds the scheduler's module (ip_vs_mh); then run the command again.",
    );
  }
}

/** Somebody else keeps changing the director's table, or holds its lock. */
export class BusyError extends DirectorError {
  readonly code = "HEYE_BUSY";

  constructor(director: string, reason: string) {
    super(director, `${reason}. Nothing was changed; run the command again when the other one has finished.`);
  }
}
