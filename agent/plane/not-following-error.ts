/** The director is not following what is shared, and so takes no change on. */
export class NotFollowingError extends Error {
  /** @param isOwn it would follow, and cannot: what is shared is not in doubt, so nobody is told to put anything in its place */
  constructor(reason: string, isOwn = false) {
    super(
      isOwn
        ? `what etcd holds cannot be made here: ${reason}. This director tries again until it can; ask another one meanwhile.`
        : `what etcd holds is not followed here: ${reason}. Look with \`/var/lib/heye/agent/heye-agent store check\`; then \`store accept\` takes what it holds, and \`store restore /var/lib/heye/registry\` puts this director's own registry there.`,
    );
    this.name = "NotFollowingError";
  }
}
