/** A change was taken by all, and this director could not make it: the others make it, and so does this one as soon as it can. */
export class AgreedError extends Error {
  constructor(revision: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `revision ${revision} is agreed on, and is not made here yet: ${reason}. The other directors make it; this one tries again until it can.`,
      { cause },
    );
    this.name = "AgreedError";
  }
}
