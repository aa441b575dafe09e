import { Client } from "@grpc/grpc-js";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { getEngine, getMonitor } from "@pulumi/pulumi/runtime";

/**
 * The program of a stack that runs inside this process. Pulumi's runtime leaves its connections to an engine open. One
 * whose last call got no answer, as when an update has failed, then dials the engine's port for good, and all connections
 * of the process to one port share what is known of it: an engine of a later operation that is given the same port would
 * count as one that cannot be reached ("14 UNAVAILABLE: No connection established. Last error: null").
 */
export class InlineProgram {
  #program: PulumiFn = async () => undefined;
  readonly #connections = new Set<Client>();

  /** What the Automation API runs. */
  readonly main: PulumiFn = () => {
    for (const connection of [getEngine(), getMonitor()]) {
      if (connection === undefined) continue;
      if (!(connection instanceof Client))
        throw new Error(
          "Pulumi has another copy of @grpc/grpc-js than these tests, and its connections cannot be closed",
        );
      this.#connections.add(connection);
    }
    return this.#program();
  };

  /**
   * Carries an operation out, and closes what it has opened.
   *
   * @param program absent: that of the operation before
   */
  async during<T>(operation: () => Promise<T>, program = this.#program): Promise<T> {
    this.#program = program;
    try {
      return await operation();
    } finally {
      for (const connection of this.#connections) connection.close();
      this.#connections.clear();
    }
  }
}
