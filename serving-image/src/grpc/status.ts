import { status } from '@grpc/grpc-js';

import { internalError, messageOf, RequestError, ClientGone } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';

/** The gRPC status for each status of HTTP, as KServe, Triton and TensorFlow Serving have them; any other is INTERNAL. */
const CODES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  408: status.DEADLINE_EXCEEDED,
  413: status.RESOURCE_EXHAUSTED,
  415: status.UNIMPLEMENTED,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
  507: status.RESOURCE_EXHAUSTED,
};

export const codeOf = (httpStatus: number): status => CODES[httpStatus] ?? status.INTERNAL;

export function statusOf(error: unknown, log: Logger): { code: status; details: string } {
  if (error instanceof RequestError) return { code: codeOf(error.status), details: messageOf(error.message) };
  if (error instanceof ClientGone) return { code: status.CANCELLED, details: 'the call was cancelled' };
  log.error({ err: error }, 'call failed');
  return { code: status.INTERNAL, details: internalError().message };
}
