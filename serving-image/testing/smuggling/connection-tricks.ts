/** Headers that say something of the connection, or of the moment at which a body may come. Test code only. */
import { gzipSync } from 'node:zlib';
import {
  chunk,
  covering,
  head,
  hidden,
  inferring,
  LAST,
  length,
  OWN,
  request,
  swallowing,
  trick,
  type Trick,
} from './requests.ts';

export const OPTIONS: readonly Trick[] = [
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'POST', 'TRACE', 'PATCH'].map((method) =>
    trick(
      `${method}, Connection: content-length`,
      covering((size) => ['Connection: content-length', `Content-Length: ${size}`], { method }),
    ),
  ),
  ...[
    'keep-alive, Content-Length',
    'close, content-length',
    ',,content-length ,',
    'Content-Length\t, x',
    '"content-length"',
  ].map((options) =>
    trick(
      `GET, Connection: ${JSON.stringify(options)}`,
      covering((size) => [`Connection: ${options}`, `Content-Length: ${size}`]),
    ),
  ),
  trick(
    'GET that swallows, Connection: content-length',
    covering((size) => ['Connection: content-length', `Content-Length: ${size}`], { smuggle: swallowing }),
  ),
  trick(
    'Connection in two lines',
    covering((size) => ['Connection: keep-alive', 'Connection: content-length', `Content-Length: ${size}`]),
  ),
  trick(
    'Keep-Alive: content-length',
    covering((size) => ['Keep-Alive: content-length', `Content-Length: ${size}`]),
  ),
  trick(
    'Proxy-Connection: content-length',
    covering((size) => ['Proxy-Connection: content-length', `Content-Length: ${size}`]),
  ),
  ...['GET', 'POST', 'DELETE'].map((method) =>
    trick(`${method} in chunks, Connection: transfer-encoding`, (target) =>
      request(method === 'POST' ? target.infer : target.metadata, {
        method,
        fields: ['Connection: transfer-encoding', 'Transfer-Encoding: chunked'],
        body: chunk(hidden(target)) + LAST,
      }),
    ),
  ),
  trick(
    'Connection: transfer-encoding, content-length, with a length',
    inferring((own) => ['Connection: transfer-encoding, content-length', `Content-Length: ${own}`]),
  ),
  ...[
    'host',
    'expect',
    'trailer',
    'te',
    'upgrade',
    'content-type',
    'authorization',
    'x-modelserving-forwarded',
    'traceparent',
  ].map((option) =>
    trick(
      `Connection: ${option}`,
      inferring((own) => [`Connection: ${option}`, `Content-Length: ${own}`]),
    ),
  ),
  trick(
    'Connection: inference-header-content-length',
    inferring((own) => [
      'Connection: inference-header-content-length',
      `Inference-Header-Content-Length: ${own}`,
      `Content-Length: ${own}`,
    ]),
  ),
  trick('Connection: content-encoding', (target) => {
    const packed = gzipSync(OWN).toString('latin1');
    return (
      request(target.infer, {
        fields: ['Connection: content-encoding', 'Content-Encoding: gzip', `Content-Length: ${length(packed)}`],
        body: packed,
      }) + hidden(target)
    );
  }),
];

export const MOMENTS: readonly Trick[] = [
  trick(
    'Expect: 100-continue, and the body at once',
    inferring((own) => ['Expect: 100-continue', `Content-Length: ${own}`]),
  ),
  trick(
    'Expect: 100-continue of a GET',
    covering((size) => ['Expect: 100-continue', `Content-Length: ${size}`]),
  ),
  trick('Expect: 100-continue, and no body', (target) =>
    request(target.infer, { fields: ['Expect: 100-continue', 'Content-Length: 300'] }),
  ),
  trick('Expect: 100-continue of a body that is too large', (target) =>
    request(target.infer, { fields: ['Expect: 100-continue', 'Content-Length: 99999999'], body: hidden(target) }),
  ),
  trick(
    'Expect: y 100-continue',
    inferring((own) => ['Expect: y 100-continue', `Content-Length: ${own}`]),
  ),
  trick(
    'Expect: 200-ok',
    inferring((own) => ['Expect: 200-ok', `Content-Length: ${own}`]),
  ),
  trick(
    'Upgrade: h2c',
    inferring((own) => [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      `Content-Length: ${own}`,
    ]),
  ),
  trick(
    'Upgrade: h2c of a GET',
    covering((size) => ['Connection: Upgrade', 'Upgrade: h2c', `Content-Length: ${size}`]),
  ),
  trick(
    'Upgrade: websocket',
    covering(() => [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]),
  ),
  trick('a type that is refused', (target) =>
    request(target.infer, {
      fields: [`Content-Length: ${200_000}`, 'Content-Encoding: br'],
      body: hidden(target).padEnd(200_000, '\n'),
    }),
  ),
  trick('gzip that is none', (target) =>
    request(target.infer, {
      fields: ['Content-Encoding: gzip', `Content-Length: ${length(hidden(target))}`],
      body: hidden(target),
    }),
  ),
  trick(
    'a length of JSON beyond the body',
    inferring((own) => ['Inference-Header-Content-Length: 999999', `Content-Length: ${own}`]),
  ),
  trick(
    'HEAD of an inference',
    covering((size) => [`Content-Length: ${size}`], { method: 'HEAD' }),
  ),
  trick(
    'a whole request behind another',
    head((text) => text),
  ),
  trick(
    'half a request behind another',
    (target) => request(target.infer, { fields: [`Content-Length: ${length(OWN)}`], body: OWN }) + swallowing(target),
  ),
  trick(
    'Connection: close, and a request behind',
    (target) =>
      request(target.infer, { fields: ['Connection: close', `Content-Length: ${length(OWN)}`], body: OWN }) +
      hidden(target),
  ),
];
