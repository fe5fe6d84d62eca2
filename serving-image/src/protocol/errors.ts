/** Every answer that is not a 200 is born here, so that clients can rely on one form: `{"error": "…"}`. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Longest error text sent to a client, in characters: a body of at most 1 KiB. */
const LONGEST = 900;

export function errorBody(message: string): string {
  return JSON.stringify({ error: message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message });
}

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
/** The rest of the body is not read, so the connection cannot be used again. */
export const tooLarge = (limit: number) =>
  new RequestError(413, `the request body is larger than ${limit} bytes`, { Connection: 'close' });
export const unsupportedMedia = (message: string) => new RequestError(415, message);
export const unavailable = (message: string) => new RequestError(503, message, { 'Retry-After': '1' });
export const internalError = () => new RequestError(500, 'internal error; the log of the server has the cause');
export const tooManyElements = (field: string, limit: number) =>
  new RequestError(413, `${field} has more than ${limit} elements`);
