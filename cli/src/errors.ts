import { ApiError, GROUP, PLURAL } from '@modeldeployment/operator';
import { FAILURE } from '@modeldeployment/modelpack/contract';
import { ModelError } from '@modeldeployment/modelpack/failure';

/** Exit codes of kubectl-mdep; told by `kubectl mdep --help`. */
export const EXIT = { failed: 1, usage: 2 } as const;

/** A command was used in a way that cannot work. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something is not as the command needs it; the message is for the user, and says what to do. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** kubectl said no. Its own words are the message. */
export class KubectlError extends Error {
  override readonly name = 'KubectlError';
  constructor(
    message: string,
    readonly exitCode: number | undefined,
  ) {
    super(message);
  }
}

/** The user ended it. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

export const exitCodeOf = (error: unknown): number => (error instanceof UsageError ? EXIT.usage : EXIT.failed);

/** What a person reads when a command failed. */
export function explain(error: unknown): string {
  if (error instanceof ModelError) {
    const again = FAILURE[error.reason].definite ? '' : '\nThis may pass: try again.';
    return `error: ${error.message}${again}`;
  }
  if (error instanceof UsageError || error instanceof StateError) return `error: ${error.message}`;
  // kubectl begins its words in its own way.
  if (error instanceof KubectlError)
    return /^error|^Error/.test(error.message) ? error.message : `error: ${error.message}`;
  if (error instanceof ApiError) return `error: ${explainApi(error)}`;
  // What the system refuses is told in a sentence; anything else is a fault of ours and shows where.
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return `error: ${code === undefined ? (stack ?? String(error)) : message}`;
}

function explainApi({ status, details, message }: ApiError): string {
  if (status === 403) return `${message}\nAsk for this right, or use --as, --user or --context.`;
  if (status === 404 && details?.name === undefined) {
    return `this cluster has no ${PLURAL}.${GROUP}; is the operator installed, and is it the right context?`;
  }
  return message;
}
