import { OVERLOADED_HEADER } from '@modeldeployment/modelpack/traffic';
import type { FailureReason } from '@modeldeployment/modelpack';

/**
 * Every answer that is not a 200 is born here, so that clients can rely on one form: `{"error": "…"}`. Without a stack: the client
 * is at fault or the load is, and under load a stack costs as much as the rest of a refusal.
 */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Longest error text sent to a client, in characters: a body of at most 1 KiB. */
const LONGEST = 900;

/** As it is sent: not too long, and without halves of a character, which not all protocols can carry. */
export const messageOf = (message: string): string =>
  Buffer.from(message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message).toString();

export const errorBody = (message: string): string => JSON.stringify({ error: messageOf(message) });

/** A value of the client that is repeated in an error: shortened, without control characters, and quoted if it is text. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  return shorten(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)));
}

const shorten = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

export const badRequest = (message: string) => new RequestError(400, message);
export const notFound = (message: string) => new RequestError(404, message);
export function modelNotFound({ model, version }: { model: string; version?: string }): RequestError {
  const which = version === undefined ? '' : ` and version ${JSON.stringify(version.slice(0, 20))}`;
  return notFound(`Model with name ${JSON.stringify(model.slice(0, 100))}${which} does not exist.`);
}
export const methodNotAllowed = (allow: string) =>
  new RequestError(405, `method not allowed here; use ${allow}`, { Allow: allow });
/** Nothing is wrong but that too much is asked. */
const OVERLOADED = { 'Retry-After': '1', [OVERLOADED_HEADER]: 'yes' };
/** The rest of the body is not read, so the connection cannot be used again. */
const closing = { Connection: 'close' };
export const tooLarge = (limit: number) =>
  new RequestError(413, `the request body is larger than ${limit} bytes`, closing);
/** Reading each costs as much as thousands of bytes. */
export const inPieces = () =>
  new RequestError(413, 'the request body comes in too many too small pieces; send larger ones', closing);
export const tooManyPieces = () =>
  new RequestError(503, 'too many request bodies come in small pieces; send larger ones, or try again later', {
    ...closing,
    ...OVERLOADED,
  });
export const tooMuchPacked = (ratio: number) =>
  new RequestError(
    413,
    `the request body is more than ${ratio} times as large as it was sent; send it less compressed`,
  );
export const unsupportedMedia = (message: string) => new RequestError(415, message);
export const unavailable = (message: string) => new RequestError(503, message, { 'Retry-After': '1' });
/** As many requests are in hand already as there may be. */
export const tooManyRequests = (limit: number) =>
  new RequestError(429, `${limit} requests are being answered already; try again later`, OVERLOADED);
export const tooSlow = (bytesPerSecond: number) =>
  new RequestError(408, `the request body arrives at less than ${bytesPerSecond} bytes a second`, closing);
/** Room was needed, and this client was waited for the longest. */
export const slowest = () =>
  new RequestError(503, 'others needed the room, and this request arrived most slowly; send it again, faster', {
    ...closing,
    ...OVERLOADED,
  });
/** No waiting would help. */
export const outOfMemory = (limit: number) =>
  new RequestError(413, `the request takes more memory than there is for one, with ${limit} bytes for all`, closing);
/** The engine has more to do already than anybody would wait for. */
export const queueFull = (limit: number) =>
  new RequestError(503, `${limit} requests wait for the model already; try again later`, OVERLOADED);
export const tooMuchAtOnce = () =>
  new RequestError(503, 'too many large requests at once; try again later', OVERLOADED);
/** The client's own deadline has passed: the model was not run. */
export const deadlineExceeded = (milliseconds: number) =>
  new RequestError(504, `the timeout of ${milliseconds} ms passed before the model was run; it was not run`);
export const internalError = () => new RequestError(500, 'internal error; the log of the server has the cause');
export const tooManyParts = (limit: number) =>
  new RequestError(413, `a part of the request that is no tensor has more than ${limit} values`);
export const tooManyFields = (limit: number) =>
  new RequestError(413, `the message would take more than ${limit} bytes as objects; send tensors as raw contents`);
/** A call waits for one of the places of those that are open. */
export const tooManyCalls = (limit: number) =>
  new RequestError(429, `${limit} calls are open already; try again later`, { 'Retry-After': '1' });
/** Not by the load: the same request would be answered the same again. */
export const answerTooLarge = (limit: number) =>
  new RequestError(507, `the answer would be larger than ${limit} bytes; ask for less, or raise MAX_ANSWER_BYTES`);
export const tooManyElements = (field: string, limit: number) =>
  new RequestError(413, `${field} has more than ${limit} elements`);

/** The model was run and refused the values it was given, or ran out of memory (`exhausted`). */
export class RunError extends Error {
  override readonly name = 'RunError';
  constructor(
    message: string,
    readonly exhausted = false,
  ) {
    super(message);
  }
}

/** The server cannot go on; becomes the container's termination message. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  constructor(
    readonly reason: FailureReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The client of a request has gone before it was run. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}
