/** Answers as bytes, for connections that this server reads and writes itself. */
import { STATUS_CODES } from 'node:http';
import { errorBody, RequestError } from '../protocol/errors.ts';
import type { Answer } from './answer.ts';
import { TOLD_KEEP_ALIVE_MS } from './server.ts';

const KEPT = `Connection: keep-alive\r\nKeep-Alive: timeout=${TOLD_KEEP_ALIVE_MS / 1000}\r\n`;
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

/** The whole answer of HTTP/1.1, with the headers that node:http would give it. `closing`: the connection ends with it. */
export function written(outcome: Answer | RequestError, closing: boolean): Buffer {
  if (!(outcome instanceof RequestError)) {
    return join(outcome.status ?? 200, outcome.type, outcome.body, outcome.headers, closing);
  }
  if (last?.error === outcome && last.closing === closing && last.dateLine === dateLine()) return last.bytes;
  const bytes = join(outcome.status, 'application/json', errorBody(outcome.message), outcome.headers, closing);
  last = { error: outcome, closing, dateLine: date, bytes };
  return bytes;
}

function join(
  status: number,
  type: string,
  body: string | Buffer,
  headers: Answer['headers'],
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
