/** Why a request was not answered as it was asked: the values of the label `reason`, and their names elsewhere. Pure. */

import { RequestError, RunError, ClientGone } from '../errors.ts';

export const REASONS = {
  invalid_request: {
    triton: 'OTHER',
    tensorflow: 'INVALID_ARGUMENT',
    meaning: 'the request is malformed, or does not fit the model',
  },
  refused_by_model: {
    triton: 'BACKEND',
    tensorflow: 'INVALID_ARGUMENT',
    meaning: 'the model was run and refused the values',
  },
  out_of_memory: {
    triton: 'BACKEND',
    tensorflow: 'RESOURCE_EXHAUSTED',
    meaning: 'the run needed more memory than there is',
  },
  unauthorized: { triton: 'OTHER', tensorflow: 'UNAUTHENTICATED', meaning: 'the client may not ask' },
  not_found: { triton: 'OTHER', tensorflow: 'NOT_FOUND', meaning: 'no such path, model, version or label' },
  too_large: {
    triton: 'OTHER',
    tensorflow: 'INVALID_ARGUMENT',
    meaning: 'the body, a tensor or the answer is over the limit',
  },
  unsupported: {
    triton: 'OTHER',
    tensorflow: 'UNIMPLEMENTED',
    meaning: 'the method, media type or encoding is not supported',
  },
  overloaded: {
    triton: 'REJECTED',
    tensorflow: 'UNAVAILABLE',
    meaning: 'too much is asked, or the model cannot answer now',
  },
  too_late: {
    triton: 'CANCELED',
    tensorflow: 'DEADLINE_EXCEEDED',
    meaning: 'the time that the client gave, or its own for the body, ran out',
  },
  client_gone: { triton: 'CANCELED', tensorflow: 'CANCELLED', meaning: 'the client went away before the answer' },
  internal: { triton: 'BACKEND', tensorflow: 'INTERNAL', meaning: 'a fault of the server; its log has the cause' },
} as const;

export type Reason = keyof typeof REASONS;

const BY_STATUS: Readonly<Record<number, Reason>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not_found',
  405: 'unsupported',
  408: 'too_late',
  413: 'too_large',
  415: 'unsupported',
  429: 'overloaded',
  499: 'client_gone',
  501: 'unsupported',
  503: 'overloaded',
  504: 'too_late',
  507: 'too_large',
};

/** Of an error that ends a request. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof RunError) return error.exhausted ? 'out_of_memory' : 'refused_by_model';
  if (error instanceof RequestError) {
    return BY_STATUS[error.status] ?? (error.status < 500 ? 'invalid_request' : 'internal');
  }
  return error instanceof ClientGone ? 'client_gone' : 'internal';
}
