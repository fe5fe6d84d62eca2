import { FAILURE, ModelError } from '@modeldeployment/modelpack';

/** Exit codes of kubectl-mdep; told by `kubectl mdep --help`. */
export const EXIT = { failed: 1, usage: 2 } as const;

/** What a person reads when a command failed. */
export function explain(error: unknown): string {
  if (error instanceof ModelError) {
    const again = FAILURE[error.reason].definite ? '' : '\nThis may pass: try again.';
    return `error: ${error.message}${again}`;
  }
  // What the system refuses is told in a sentence; anything else is a fault of ours and shows where.
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return `error: ${code === undefined ? (stack ?? String(error)) : message}`;
}
