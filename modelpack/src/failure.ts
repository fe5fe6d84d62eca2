import type { FailureReason } from './contract.ts';

/** A model cannot be had or accepted; `reason` says to the operator what that means for the revision. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  constructor(
    readonly reason: FailureReason,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
