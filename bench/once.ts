import { BenchStack, type ProgramName, type Run, type StateResource } from "./stack";

/** A stack's first `up`, and the state it left. */
export interface FirstUp extends Run {
  /** Size of the state file. */
  readonly stateBytes: number;
  readonly resources: readonly StateResource[];
}

/** Brings a stack up for the first time, looks at its state, and forgets it. */
export async function upOnce(
  program: ProgramName,
  parameters: object,
  checkpoints: boolean,
  parallel?: number,
): Promise<FirstUp> {
  const stack = await BenchStack.create(program, parameters, checkpoints);
  try {
    const run = await stack.up(parallel);
    const { bytes, resources } = await stack.state();
    return { ...run, stateBytes: bytes, resources };
  } finally {
    await stack.remove();
  }
}
