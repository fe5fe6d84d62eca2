/**
 * What hostile clients do to a server, each thing with bytes that anybody can send. Used in small by a test and in large by
 * `npm run bench -- abuse`. Over loopback, bounded in number, rate and time. Test code only.
 */
import { gzipSync } from 'node:zlib';
import { frame, HEADERS, open, PREFACE, SETTINGS } from './http2-frames.ts';

export interface Attack {
  name: string;
  /** How many at once, in large. */
  connections: number;
  port: 'http' | 'grpc';
  /** What each connection begins with. */
  begin: () => Buffer;
  /** What it goes on with, again and again. */
  then?: () => Buffer;
  /** Least time between two of those on one connection, in milliseconds. */
  everyMs?: number;
  /** What comes back is left unread. */
  deaf?: boolean;
  /** A connection is closed as soon as what it begins with is sent. */
  leaves?: boolean;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const PATH = '/v2/models/dense/infer';
const V1 = '/v1/models/dense:predict';
const head = (length: number | string, extra = '', path = PATH) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${extra}Content-Length: ${length}\r\n\r\n`;
const request = (body: Buffer | string, extra = '', path = PATH) =>
  Buffer.concat([Buffer.from(head(body.length, extra, path)), Buffer.from(body)]);
/** Of about so many bytes. */
const many = (unit: string, bytes: number) => unit.repeat(Math.floor(bytes / unit.length));
const list = (unit: string, bytes: number) => `[${many(`${unit},`, bytes).slice(0, -1)}]`;
const names = (count: number) => Array.from({ length: count }, (_, i) => `"${i.toString(36)}":1`).join();

const INFER = '/inference.GRPCInferenceService/ModelInfer';
/** A message of so many bytes is begun. */
const prefix = (length: number, compressed = 0) => {
  const bytes = Buffer.alloc(5);
  bytes[0] = compressed;
  bytes.writeUInt32BE(length, 1);
  return bytes;
};
const calls = (count: number, ...after: ((stream: number) => Buffer)[]) =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => 2 * i + 1).flatMap((stream) => [
      HEADERS(stream, INFER),
      ...after.map((make) => make(stream)),
    ]),
  );
const repeated = (unit: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => unit));
const emptyParts = (stream: number) =>
  frame(0, 1, stream, Buffer.concat([prefix(16_000), repeated(Buffer.from([0x2a, 0]), 8_000)]));
const packed = (stream: number) => {
  const bytes = gzipSync(Buffer.alloc(12 * MiB));
  return frame(0, 1, stream, Buffer.concat([prefix(bytes.length, 1), bytes]));
};

/** What is made anew for one attack only: a string is a text of ASCII. */
type Bytes = () => Buffer | string;
const made = (bytes: Bytes) => () => Buffer.from(bytes());
/** Each connection sends this and waits. */
const once = (name: string, connections: number, begin: Bytes, more: Partial<Attack> = {}): Attack => ({
  ...{ name, connections, port: 'http', begin: made(begin) },
  ...more,
});
/** Each connection sends this again and again. */
const again = (
  name: string,
  connections: number,
  everyMs: number,
  then: Bytes,
  more: Partial<Attack> = {},
): Attack => ({
  ...{ name, connections, port: 'http', begin: () => Buffer.alloc(0), then: made(then), everyMs },
  ...more,
});
const infer = (body: string) => request(body);
const grpc = { port: 'grpc' } as const;
const preface = { ...grpc, begin: () => PREFACE };
const deaf = { deaf: true };

export const ATTACKS: readonly Attack[] = [
  once('connections that never speak', 5000, () => ''),
  again('heads that never end', 1000, 500, () => 'y', {
    begin: () => Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nx: '),
  }),
  once('heads without bodies', 2500, () => `${head(100)}{`),
  once('heads that promise a megabyte', 1000, () => `${head(MiB)}{`),
  again('bodies of one byte every half second', 1000, 500, () => ' ', { begin: () => Buffer.from(head(100_000)) }),
  again('bodies of 60 MB that do not end', 10, 60, () => ' '.repeat(64 * KiB), {
    begin: () => Buffer.from(head(60 * MiB)),
  }),
  again('chunks of one byte', 200, 20, () => many('1\r\n \r\n', KiB), {
    begin: () => Buffer.from(head(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked')),
  }),
  again('gzip of 60 MB of blanks', 40, 200, () =>
    request(gzipSync(Buffer.alloc(60 * MiB, ' ')), 'Content-Encoding: gzip\r\n'),
  ),
  again('JSON objects that nobody asked for', 4, 200, () => infer(`{"x":${list('{}', 8 * MiB)},"inputs":[]}`)),
  again('JSON names by the million', 4, 200, () => infer(`{"parameters":{${names(500_000)}},"inputs":[]}`)),
  again('outputs by the million', 4, 200, () => infer(`{"outputs":${list('{"name":"y"}', 8 * MiB)},"inputs":[]}`)),
  again('members by the million that are no inputs', 4, 200, () => request(`{${names(500_000)}}`, '', V1)),
  again('lists too long by the million', 4, 200, () =>
    infer(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":${list('1', 8 * MiB)}}]}`),
  ),
  again('lists in lists in lists', 4, 200, () => infer(`{"x":${'['.repeat(4 * MiB)}`)),
  once(
    'questions whose answers nobody reads',
    200,
    () => many('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n', 16 * KiB),
    deaf,
  ),
  again('requests one behind the other, unread', 50, 1, () => request('{"instances":[[1,2,3]]}', '', V1), deaf),
  again('paths of 15 KB', 50, 50, () => `GET /${'p'.repeat(15_000)} HTTP/1.1\r\nHost: x\r\n\r\n`),
  again('heads of a thousand fields', 50, 50, () => `GET / HTTP/1.1\r\nHost: x\r\n${many('a: b\r\n', 12 * KiB)}\r\n`),
  again('HEAD and OPTIONS', 50, 20, () =>
    many('HEAD / HTTP/1.1\r\nHost: x\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 4 * KiB),
  ),
  once('more body than was said', 100, () => `${head(2)}{}${' '.repeat(64 * KiB)}`),
  once('bytes that are no HTTP', 200, () => Buffer.alloc(4 * KiB, 0xfe)),
  once('connections that leave at once', 50, () => head(100), { leaves: true }),
  once('orders without bodies', 2500, () => `${head(100, '', '/v2/repository/index')}{`),
  once('connections of gRPC that never speak', 1000, () => '', grpc),
  once(
    'messages that are not finished',
    20,
    () => Buffer.concat([PREFACE, calls(500, (stream) => frame(0, 0, stream, prefix(60 * MiB)))]),
    grpc,
  ),
  once('calls without messages', 20, () => Buffer.concat([PREFACE, calls(900)]), grpc),
  once('empty parts in messages', 20, () => Buffer.concat([PREFACE, calls(4, emptyParts)]), grpc),
  once('gzip in messages', 20, () => Buffer.concat([PREFACE, calls(1, packed)]), grpc),
  again('streams that are reset at once', 10, 100, () => open(500), preface),
  again('settings', 10, 20, () => repeated(SETTINGS, 500), preface),
  again('pings', 10, 20, () => repeated(frame(6, 0, 0, Buffer.alloc(8)), 500), preface),
  again('heads that go on and on', 10, 20, () => frame(9, 0, 1, Buffer.alloc(16_000, 0x82)), {
    ...grpc,
    begin: () => Buffer.concat([PREFACE, frame(1, 0, 1, Buffer.alloc(100, 0x82))]),
  }),
];
