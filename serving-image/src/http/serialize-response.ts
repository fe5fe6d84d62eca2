/** Answers as bytes, for connections that this server reads and writes itself. */
import { STATUS_CODES } from 'node:http';
import { errorBody, RequestError } from '../errors.ts';

import { ADVERTISED_KEEP_ALIVE_MS } from './server.ts';
import type { ApiResponse } from '../handlers/response.ts';

const KEPT = `Connection: keep-alive\r\nKeep-Alive: timeout=${ADVERTISED_KEEP_ALIVE_MS / 1000}\r\n`;
const CLOSED = 'Connection: close\r\n';

let second = 0;
let date = '';

/** As RFC 9110, section 5.6.7, has it. */
function dateLine(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) date = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  second = now;
  return date;
}

/** The last refusal: under load it is the same again and again. */
let last: { error: RequestError; closing: boolean; dateLine: string; bytes: Buffer } | undefined;

/** Headers that are not the answer's own, and stand in place of such; their names in lower case. */
export type More = Readonly<Record<string, string>> | undefined;

/** The whole answer of HTTP/1.1, with the headers that node:http would give it. `closing`: the connection ends with it. */
export function written(outcome: ApiResponse | RequestError, closing: boolean, more?: More): Buffer {
  if (!(outcome instanceof RequestError)) {
    return join(outcome.status ?? 200, outcome.type, outcome.body, withMore(outcome.headers, more), closing);
  }
  const { status, message, headers } = outcome;
  if (more) return join(status, 'application/json', errorBody(message), withMore(headers, more), closing);
  if (last?.error === outcome && last.closing === closing && last.dateLine === dateLine()) return last.bytes;
  const bytes = join(status, 'application/json', errorBody(message), headers, closing);
  last = { error: outcome, closing, dateLine: date, bytes };
  return bytes;
}

function withMore(headers: ApiResponse['headers'], more: More): ApiResponse['headers'] {
  if (!more) return headers;
  const own = Object.entries(headers ?? {}).filter(([name]) => !Object.hasOwn(more, name.toLowerCase()));
  return { ...Object.fromEntries(own), ...more };
}

function join(
  status: number,
  type: string,
  body: string | Buffer,
  headers: ApiResponse['headers'],
  closing: boolean,
): Buffer {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n`;
  for (const name in headers) {
    const value = headers[name];
    if (name === 'Connection') continue;
    for (const one of Array.isArray(value) ? value : [value]) head += `${name}: ${one}\r\n`;
  }
  head += `${dateLine()}${closing ? CLOSED : KEPT}\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + length);
  bytes.write(head, 'latin1');
  if (typeof body === 'string') bytes.write(body, head.length);
  else bytes.set(body, head.length);
  return bytes;
}
