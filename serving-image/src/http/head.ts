/**
 * Reads the head of a request as client libraries send it: `POST` for a model, with a length, over a connection that is kept. It
 * is no parser of HTTP: whatever it does not know for certain it leaves to node's, byte for byte. Pure.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { protocolOf } from '../handlers/request.ts';

export interface Head {
  /** Path and query. */
  url: string;
  /** What metrics call the protocol of that path. */
  protocol: string;
  /** By their names in lower case. */
  headers: IncomingHttpHeaders;
  /** Of the body, in bytes. */
  length: number;
  /** Of the head with the empty line at its end, in bytes. */
  size: number;
}

const END = Buffer.from('\r\n\r\n');
/** In bytes. */
const LARGEST_HEAD = 8192;
/** Only what a path of ours can have, and only paths that run a model (RFC 9112, section 3; RFC 3986, section 3.3). */
const REQUEST_LINE =
  /^POST (\/v[12]\/[\w.~%!$&'()*+,;=:@/-]*(?:\/infer|:(?:predict|classify|regress))(?:\?[\w.~%&=-]*)?) HTTP\/1\.1$/;
/** RFC 9110, sections 5.5 and 5.6.2, without tabs and the bytes of other alphabets. */
const FIELD = /^([\w!#$%&'*+.^`|~-]+):([\x20-\x7e]*)$/;
/** They change how the rest is read, or what the connection is. */
const SPECIAL: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'proxy-connection',
  // node's objects of headers cannot say them as they are.
  'set-cookie',
  '__proto__',
]);

/** The head at the begin of `bytes`; undefined when it is not there as a whole, or is none of those that are known for certain. */
export function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(END);
  if (end < 0 || end > LARGEST_HEAD) return undefined;
  const [line = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const url = REQUEST_LINE.exec(line)?.[1];
  if (url === undefined) return undefined;
  const headers = Object.create(null) as Record<string, string>;
  for (const field of fields) {
    const match = FIELD.exec(field);
    if (!match) return undefined;
    const name = (match[1] as string).toLowerCase();
    if (name in headers || SPECIAL.has(name)) return undefined;
    headers[name] = (match[2] as string).trim();
  }
  const { host, connection = 'keep-alive', 'content-length': length = '' } = headers;
  if (host === undefined || connection.toLowerCase() !== 'keep-alive' || !/^\d{1,9}$/.test(length)) return undefined;
  return { url, protocol: protocolOf(url), headers, length: Number(length), size: end + END.length };
}

/** The heads of one connection: most clients send the same again and again, and then it is not read anew. */
export class Heads {
  #last: { head: Head; bytes: Buffer } | undefined;

  /** See `readHead`. */
  read(bytes: Buffer): Head | undefined {
    const last = this.#last;
    // Its bytes end with the empty line, so that nothing can follow them that would belong to the head.
    if (last && bytes.length >= last.head.size && last.bytes.compare(bytes, 0, last.head.size) === 0) return last.head;
    const head = readHead(bytes);
    if (!head) return undefined;
    // Not from node's pool: it is kept for as long as the connection is.
    const kept = Buffer.allocUnsafeSlow(head.size);
    bytes.copy(kept);
    this.#last = { head, bytes: kept };
    return head;
  }
}
