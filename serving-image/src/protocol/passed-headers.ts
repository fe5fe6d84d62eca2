/**
 * Which headers go along when a request is passed on over a connection that other clients share: those on a list. Whoever sends
 * it frames it anew, so that nothing a client says can end a request elsewhere than where this server has read its end
 * (docs/adr/0018). Pure.
 */
import { FORWARDED_HEADER, VIA_HEADER } from '@modeldeployment/modelpack/traffic';
import { badRequest, type RequestError } from '../errors.ts';
import { LENGTH_FIELD } from './v2/framing.ts';

/** As node:http gives them: names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** They say who the client is. Copies that no client waits for go without. */
const CREDENTIALS = ['authorization', 'cookie'] as const;

/** What a server of models heeds, and what observers of requests put there for the next of them. */
const PASSED = [
  ...['content-type', 'content-encoding', LENGTH_FIELD, 'accept', 'user-agent'],
  ...['traceparent', 'tracestate', 'baggage', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled'],
  ...['x-request-id', 'x-correlation-id', 'x-forwarded-for', 'x-forwarded-proto', 'forwarded'],
  ...[FORWARDED_HEADER, VIA_HEADER],
] as const;

/** Read by the server that gets them, and of no use to the next one. */
const FRAMING = ['host', 'content-length', 'transfer-encoding', 'expect', 'trailer'] as const;

const HEEDED: ReadonlySet<string> = new Set([...PASSED, ...CREDENTIALS, ...FRAMING]);

/**
 * Headers that may be sent on: there is no other way to make them, and no other kind that upstream.ts takes. Options of
 * Connection take none away: those that name one of these are refused, and what else they name does not go along anyway.
 */
export class PassedHeaders {
  private constructor(readonly fields: Readonly<Record<string, string>>) {}

  /** Of the request of a client who waits for the answer. `more`: names in lower case that are heeded here as well. */
  static ofClient(headers: Headers, more: Iterable<string> = []): PassedHeaders {
    return PassedHeaders.#pick(headers, [...PASSED, ...CREDENTIALS, ...more]);
  }

  /** Of one that is asked again, or a second time, in nobody's name. */
  static ofCopy(headers: Headers): PassedHeaders {
    return PassedHeaders.#pick(headers, PASSED);
  }

  static #pick(headers: Headers, names: readonly string[]): PassedHeaders {
    const fields: Record<string, string> = {};
    for (const name of names) {
      const value = headers[name];
      if (value !== undefined && !isFraming(name)) fields[name] = value.toString();
    }
    return new PassedHeaders(fields);
  }

  /** Without those of the body as it came: it is unpacked, and its type is known better. */
  unpacked(): PassedHeaders {
    const { 'content-encoding': _encoding, 'content-type': _type, ...fields } = this.fields;
    return new PassedHeaders(fields);
  }
}

const isFraming = (name: string) => (FRAMING as readonly string[]).includes(name);

/** What is wrong with a `Connection` header: it must not take away what frames a request, or what is read of it. */
export function connectionProblem(value: string | undefined): RequestError | undefined {
  if (value === undefined) return undefined;
  const named = value.split(',').find((option) => HEEDED.has(option.replace(/[\s"]/g, '').toLowerCase()));
  return named === undefined
    ? undefined
    : badRequest(`Connection names ${named.trim().slice(0, 60)}, which is not a header of the connection`);
}

/** Of one connection (RFC 9110, section 7.6.1), or written by who sends an answer. */
const OF_ANSWER: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'proxy-authenticate'],
  ...['content-length', 'transfer-encoding', 'date'],
]);

/** What goes back of the headers of another server's answer: all that is not of the connection to it. */
export function passedBack(headers: Headers): Record<string, string | string[]> {
  const options = headers.connection?.toString().toLowerCase().split(',') ?? [];
  const named = new Set(options.map((option) => option.trim()));
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_ANSWER.has(name) || named.has(name)) continue;
    passed[name] = typeof value === 'string' ? value : [...value];
  }
  return passed;
}
