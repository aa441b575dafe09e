/** The director is not following what is shared, and so takes no change on. */
export class NotFollowingError extends Error {
  constructor(reason: string) {
    super(
      `what etcd holds is not followed here: ${reason}. Look with \`/var/lib/heye/agent/heye-agent store check\`; then \`store accept\` takes what it holds, and \`store restore /var/lib/heye/registry\` puts this director's own registry there.`,
    );
    this.name = "NotFollowingError";
  }
}
