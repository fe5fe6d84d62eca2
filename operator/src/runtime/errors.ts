/** The `Status` object with which the API server answers a failed request. */
export interface ApiStatus {
  reason?: string;
  message?: string;
  code?: number;
  details?: ApiStatusDetails;
}
export interface ApiStatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  retryAfterSeconds?: number;
  causes?: { reason?: string; message?: string; field?: string }[];
}

/** The API server refused, or gave no answer (`status` 0, `reason` Timeout, ConnectionFailed or Malformed). Holds no headers and no bodies. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Kubernetes' word: NotFound, Conflict, AlreadyExists, Forbidden, Invalid, Expired … */
  readonly reason: string;
  /** The server asked to wait this long. */
  readonly retryAfterMs?: number;
  readonly details?: ApiStatusDetails;

  constructor(fault: {
    status: number;
    reason: string;
    message: string;
    retryAfterMs?: number | undefined;
    details?: ApiStatusDetails | undefined;
    cause?: unknown;
  }) {
    super(fault.message, fault.cause === undefined ? undefined : { cause: fault.cause });
    this.status = fault.status;
    this.reason = fault.reason;
    if (fault.retryAfterMs !== undefined) this.retryAfterMs = fault.retryAfterMs;
    if (fault.details !== undefined) this.details = fault.details;
  }
}

/** A failure that trying again cannot mend: the runner reports it once and waits for the object to change. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** A write was about to leave a process that may no longer be the leader. */
export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError';
}

function has(error: unknown, status: number, reason?: string): error is ApiError {
  return error instanceof ApiError && error.status === status && (reason === undefined || error.reason === reason);
}

export const isNotFound = (error: unknown): error is ApiError => has(error, 404);
/** The name is taken. */
export const isAlreadyExists = (error: unknown): error is ApiError => has(error, 409, 'AlreadyExists');
/** The object has changed since it was read, or a precondition does not hold. */
export const isConflict = (error: unknown): error is ApiError => has(error, 409) && error.reason !== 'AlreadyExists';
export const isUnauthorized = (error: unknown): error is ApiError => has(error, 401);
export const isForbidden = (error: unknown): error is ApiError => has(error, 403);
/** The resourceVersion or continue token is too old. */
export const isGone = (error: unknown): error is ApiError => has(error, 410);
/** The object breaks the schema or a CEL rule. A JSON patch whose `test` fails is also told as 422. */
export const isInvalid = (error: unknown): error is ApiError => has(error, 422);
export const isTooManyRequests = (error: unknown): error is ApiError => has(error, 429);
/** There was no answer: the write may or may not have happened. */
export const isNoAnswer = (error: unknown): error is ApiError => has(error, 0);
