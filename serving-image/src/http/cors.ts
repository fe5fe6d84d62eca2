/** Cross-origin requests of browsers (the Fetch standard, "CORS protocol"), where the operator of the server allows them. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** Of any website. */
export const ANY_ORIGIN = '*';
/** How long a browser may remember that it may ask, in seconds. */
const MAX_AGE = '3600';
/** What scripts may read of an answer beside what they always may. */
const EXPOSED = 'Inference-Header-Content-Length, Retry-After, WWW-Authenticate';
/** A list of names of headers (RFC 9110, section 5.6.1). */
const NAMES = /^[\w!#$%&'*+.^`|~ \t,-]{1,1024}$/;

export class Cors {
  readonly #any: boolean;
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#any = origins.includes(ANY_ORIGIN);
    this.#origins = new Set(origins);
  }

  /** Of every answer to a request with these; names in lower case. */
  headersFor({ origin }: IncomingHttpHeaders): Readonly<Record<string, string>> {
    if (this.#any) return { 'access-control-allow-origin': ANY_ORIGIN, 'access-control-expose-headers': EXPOSED };
    // Whatever keeps answers must not give one origin that of another.
    if (origin === undefined || !this.#origins.has(origin)) return { vary: 'Origin' };
    return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED };
  }

  /** Says what every answer says. True when the request was a browser's question whether it may ask, which is answered then. */
  answer({ method, headers }: IncomingMessage, response: ServerResponse, closing: boolean): boolean {
    const said = this.headersFor(headers);
    for (const [name, value] of Object.entries(said)) response.setHeader(name, value);
    const { 'access-control-request-method': wanted, 'access-control-request-headers': names = '' } = headers;
    if (method !== 'OPTIONS' || wanted === undefined || !('access-control-allow-origin' in said)) return false;
    response
      .writeHead(204, {
        'access-control-allow-methods': 'GET, HEAD, POST',
        ...(NAMES.test(names) ? { 'access-control-allow-headers': names } : {}),
        'access-control-max-age': MAX_AGE,
        vary: 'Origin, Access-Control-Request-Headers',
        ...(closing ? { Connection: 'close' } : {}),
      })
      .end();
    return true;
  }
}
