import type { FailureReason } from './contract.ts';

/** A model cannot be had or accepted; `reason` says to the operator what that means for the revision. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  /** What the registry asked for in `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly reason: FailureReason,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Any error as one with a reason: what the file system says is told in our words, the unknown may pass. */
export function toModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const words = 'no space left for the model; free some on the node or volume, or ask for more ephemeral-storage';
    return new ModelError('DiskFull', words, { cause: error });
  }
  return new ModelError('SourceUnavailable', message, { cause: error });
}
