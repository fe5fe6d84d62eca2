/** HTTP itself: encodings, media types, sizes, connections. */
import { deflateSync, gzipSync } from 'node:zlib';
import { CLIENT_ERROR, group, refused, type Case, type Request } from '../case.ts';
import { sound } from './build.ts';
import type { Subject } from '../subject.ts';

const MIB = 1024 * 1024;

/** The request as bytes, with other headers. */
function raw(
  { method, path, body }: Request,
  headers: readonly string[],
  written: string | Buffer = body ?? '',
): Buffer {
  return Buffer.concat([
    Buffer.from(`${[`${method} ${path} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`),
    Buffer.from(written),
  ]);
}

export function http(subject: Subject): Case[] {
  const request = sound(subject);
  const body = Buffer.from(request.body ?? '');
  const length = `Content-Length: ${body.length}`;
  const json = 'Content-Type: application/json';
  const close = 'Connection: close';
  const host = 'Host: localhost';
  const chunks = (...pieces: Buffer[]) =>
    Buffer.concat(
      [...pieces, Buffer.alloc(0)].flatMap((piece) => [
        Buffer.from(`${piece.length.toString(16)}\r\n`),
        piece,
        Buffer.from('\r\n'),
      ]),
    );
  const pieces = Array.from(body, (byte) => Buffer.from([byte]));
  const typedAs = (type: string): Request => ({ ...request, headers: { 'Content-Type': type } });
  const encoded = (encoding: string, bytes: Buffer): Request => ({
    ...request,
    headers: { ...request.headers, 'Content-Encoding': encoding },
    body: bytes,
  });
  const expectOk = { statuses: [[200]] };
  const ok = {};
  return [
    ...group('HTTP', 'core', [
      { title: 'a charset in the media type', request: typedAs('application/json; charset=utf-8'), expect: ok },
      { title: 'the media type in capitals', request: typedAs('Application/JSON'), expect: ok },
      {
        title: 'a body in chunks',
        request: {
          raw: raw(
            request,
            [host, json, close, 'Transfer-Encoding: chunked'],
            chunks(body.subarray(0, 20), body.subarray(20)),
          ),
        },
        expect: expectOk,
      },
      {
        title: 'a chunk for each byte',
        request: { raw: raw(request, [host, json, close, 'Transfer-Encoding: chunked'], chunks(...pieces)) },
        expect: expectOk,
      },
      {
        title: 'two requests on a connection',
        request: {
          raw: Buffer.concat([raw(request, [host, json, length]), raw(request, [host, json, length, close])]),
        },
        expect: { statuses: [[200], [200]] },
      },
      {
        title: 'header names in any case',
        request: {
          raw: raw(request, [
            'HOST: localhost',
            'content-TYPE: application/json',
            `CONTENT-length: ${body.length}`,
            'connection: CLOSE',
          ]),
        },
        expect: expectOk,
      },
      { title: 'no Accept', request: { raw: raw(request, [host, json, length, close]) }, expect: expectOk },
      { title: 'any Accept', request: { ...request, headers: { ...request.headers, Accept: '*/*' } }, expect: ok },
      {
        title: 'HTTP/1.0',
        request: { raw: raw(request, [json, length]).toString('latin1').replace('HTTP/1.1', 'HTTP/1.0') },
        expect: expectOk,
      },
    ]),
    ...group('HTTP', 'robust', [
      {
        title: 'no media type',
        request: { raw: raw(request, [host, length, close]) },
        expect: { statuses: [[200, ...CLIENT_ERROR]] },
      },
      {
        title: 'a form',
        request: typedAs('multipart/form-data; boundary=x'),
        expect: { status: [200, ...CLIENT_ERROR] },
      },
      { title: 'gzip', request: encoded('gzip', gzipSync(body)), expect: { status: [200, ...CLIENT_ERROR] } },
      { title: 'deflate', request: encoded('deflate', deflateSync(body)), expect: { status: [200, ...CLIENT_ERROR] } },
      { title: 'gzip that is none', request: encoded('gzip', body), expect: { status: CLIENT_ERROR } },
      {
        title: 'half a gzip',
        request: encoded('gzip', gzipSync(body).subarray(0, 30)),
        expect: { status: CLIENT_ERROR },
      },
      { title: 'an encoding nobody knows', request: encoded('x-nonsense', body), expect: { status: CLIENT_ERROR } },
      {
        title: 'a gzip of 300 MiB',
        request: encoded('gzip', gzipSync(Buffer.alloc(300 * MIB, 32))),
        expect: { status: CLIENT_ERROR },
      },
      {
        title: 'a length of a terabyte',
        request: { raw: raw(request, [host, json, 'Content-Length: 1099511627776', close], '{"inputs":[') },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      {
        title: 'a length that is no number',
        request: { raw: raw(request, [host, json, 'Content-Length: abc', close]) },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      {
        title: 'two lengths',
        request: { raw: raw(request, [host, json, length, 'Content-Length: 1', close]) },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      {
        title: 'a chunk length that is no number',
        request: { raw: raw(request, [host, json, 'Transfer-Encoding: chunked', close], 'zz\r\n') },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      {
        title: 'a header of 100 kB',
        request: { raw: raw(request, [host, json, length, `X-Long: ${'x'.repeat(100_000)}`, close]) },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      { title: 'no HTTP', request: { raw: 'hello\r\n\r\n' }, expect: { statuses: [CLIENT_ERROR], orClosed: true } },
      {
        title: 'the begin of TLS',
        request: { raw: Buffer.from([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3, 0, 13, 10, 13, 10]) },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
      {
        title: 'a verb nobody knows',
        request: { raw: raw({ ...request, method: 'BREW' }, [host, json, length, close]) },
        expect: { statuses: [CLIENT_ERROR], orClosed: true },
      },
    ]),
    ...group('HTTP', 'robust', [
      {
        title: 'errors are JSON',
        request: { ...request, body: '{' },
        expect: { ...refused(), headers: { 'content-type': /^application\/json/ } },
      },
    ]),
  ];
}
