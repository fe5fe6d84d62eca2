/** Bodies whose end two readers may see at different places. Test code only. */
import {
  chunk,
  chunkedAs,
  chunkedThenRest,
  covering,
  hidden,
  inChunks,
  inferring,
  LAST,
  length,
  OWN,
  request,
  trick,
  withLength,
  type Trick,
} from './requests.ts';

export const LENGTHS: readonly Trick[] = [
  ...[
    ['a body of GET', (size: number) => [`Content-Length: ${size}`]],
    ['a body of GET, twice the same length', (size: number) => [`Content-Length: ${size}`, `Content-Length: ${size}`]],
    ['a body of GET, no length', () => []],
    ['a body of GET, length 0', () => ['Content-Length: 0']],
  ].map(([name, fields]) => trick(name as string, covering(fields as (size: number) => string[]))),
  trick(
    'a body of HEAD',
    covering((size) => [`Content-Length: ${size}`], { method: 'HEAD' }),
  ),
  trick(
    'a body of DELETE, no length',
    covering(() => [], { method: 'DELETE' }),
  ),
  ...[
    ['Content-Length: N', 'Content-Length: N'],
    ['Content-Length: N', 'Content-Length: 0'],
    ['Content-Length: 0', 'Content-Length: N'],
    ...[
      '+N',
      '-N',
      '0xN',
      'Ne0',
      'N.0',
      'N, N',
      'N, 0',
      'N;N',
      '00000N',
      '1844674407370955161N',
      '99999999999999999999N',
      '',
      '\tN\t',
      'N\0',
      'N\x0b',
      '\xa0N',
      'N 0',
      '"N"',
    ].map((value) => [`Content-Length: ${value}`]),
    ['Content-Length : N'],
    ['Content-Length:\r\n N'],
    ['X: y\r\n Content-Length: N'],
    ['Content_Length: N'],
    ['Content-Length\0: N'],
    [' Content-Length: N'],
    ['\tContent-Length: N'],
    ['X: y\nContent-Length: N'],
    ['X: y\rContent-Length: N'],
    ['Content-Length: N\r\r'],
  ].map((fields) => trick(`length as ${JSON.stringify(fields.join(' | '))}`, withLength(...fields))),
  trick(
    'a length that is too small',
    inferring((own) => [`Content-Length: ${own - 5}`]),
  ),
  trick('a body that ends early', (target) =>
    request(target.infer, { fields: ['Content-Length: 5000'], body: hidden(target) }),
  ),
  trick('a body that is too large to be asked for', (target) =>
    request(target.infer, { fields: ['Content-Length: 99999999999'], body: hidden(target) }),
  ),
  trick('a body of GET that ends early', (target) =>
    request(target.metadata, { method: 'GET', fields: ['Content-Length: 5000'], body: hidden(target) }),
  ),
];

export const CODINGS: readonly Trick[] = [
  trick(
    'length and chunks',
    inferring((_, all) => [`Content-Length: ${all}`, 'Transfer-Encoding: chunked'], chunkedThenRest),
  ),
  trick(
    'chunks and length',
    inferring((_, all) => ['Transfer-Encoding: chunked', `Content-Length: ${all}`], chunkedThenRest),
  ),
  trick(
    'chunks and a small length',
    inferring(() => ['Content-Length: 4', 'Transfer-Encoding: chunked'], chunkedThenRest),
  ),
  ...[
    'chunked',
    'CHUNKED',
    'xchunked',
    'chunked, identity',
    'identity, chunked',
    'gzip, chunked',
    'chunked, chunked',
    'identity',
    'chunked;q=1',
    '"chunked"',
    '\tchunked',
    '\x0bchunked',
    'chunked\0',
    'cow',
    '',
    ',chunked',
    'chunked,',
    '\r\n chunked',
  ].map((value) => trick(`Transfer-Encoding: ${JSON.stringify(value)}`, inChunks(`Transfer-Encoding: ${value}`))),
  ...[
    'Transfer-Encoding : chunked',
    ' Transfer-Encoding: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
    'Transfer-Encoding\n: chunked',
    'Transfer_Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Foo: \r\n Transfer-Encoding: chunked',
    'Content-Encoding: chunked',
    'TE: chunked',
  ].map((field) => trick(`coding as ${JSON.stringify(field)}`, inChunks(field))),
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding: chunked, identity',
    'X: y\nTransfer-Encoding: chunked',
    'Transfer_Encoding: chunked',
  ].map((field) =>
    trick(
      `a length and ${JSON.stringify(field)}`,
      inferring((_, all) => [`Content-Length: ${all}`, field], chunkedThenRest),
    ),
  ),
  trick('chunks in HTTP/1.0', (target) =>
    request(target.infer, {
      line: `POST ${target.infer} HTTP/1.0`,
      fields: ['Connection: keep-alive', 'Transfer-Encoding: chunked'],
      body: chunkedThenRest(OWN, hidden(target)),
    }),
  ),
  trick('a GET in chunks', (target) =>
    request(target.metadata, {
      method: 'GET',
      fields: ['Transfer-Encoding: chunked'],
      body: chunk(hidden(target)) + LAST,
    }),
  ),
  trick('a HEAD in chunks', (target) =>
    request(target.metadata, {
      method: 'HEAD',
      fields: ['Transfer-Encoding: chunked'],
      body: chunk(hidden(target)) + LAST,
    }),
  ),
];

export const CHUNKS: readonly Trick[] = (
  [
    ['with an extension', (data) => `${length(data).toString(16)};a=b\r\n${data}\r\n`],
    ['with a quoted line end in an extension', (data) => `${length(data).toString(16)};a="\r\n"\r\n${data}\r\n`],
    ['with a bare LF in an extension', (data) => `${length(data).toString(16)};a\nb\r\n${data}\r\n`],
    ['with a long extension', (data) => `${length(data).toString(16)};${'a'.repeat(20_000)}\r\n${data}\r\n`],
    ['whose size has 0x', (data) => `0x${length(data).toString(16)}\r\n${data}\r\n`],
    ['whose size has a sign', (data) => `+${length(data).toString(16)}\r\n${data}\r\n`],
    ['whose size is negative', (data) => `-${length(data).toString(16)}\r\n${data}\r\n`],
    ['whose size has zeros in front', (data) => `000000000000000000${length(data).toString(16)}\r\n${data}\r\n`],
    ['whose size overflows', (data) => `1000000000000000${length(data).toString(16)}\r\n${data}\r\n`],
    ['whose size has blanks', (data) => ` ${length(data).toString(16)} \r\n${data}\r\n`],
    ['whose size ends with LF', (data) => `${length(data).toString(16)}\n${data}\r\n`],
    ['whose size ends with CR', (data) => `${length(data).toString(16)}\r${data}\r\n`],
    ['whose data ends with LF', (data) => `${length(data).toString(16)}\r\n${data}\n`],
    ['whose data has no end', (data) => `${length(data).toString(16)}\r\n${data}`],
    ['whose data is longer', (data) => `${(length(data) - 3).toString(16)}\r\n${data}\r\n`],
    ['without a size', (data) => `\r\n${data}\r\n`],
    [
      'with trailers that frame',
      (data) => `${chunk(data)}0\r\nContent-Length: 500\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    [
      'with trailers of our own names',
      (data) => `${chunk(data)}0\r\nX-Modelserving-Forwarded: 1\r\nAuthorization: Bearer x\r\n\r\n`,
    ],
    ['with a request as trailer', (data) => `${chunk(data)}0\r\nGET / HTTP/1.1\r\n\r\n`],
    ['with NUL in a trailer', (data) => `${chunk(data)}0\r\nX: \0\r\n\r\n`],
    ['that end with LF', (data) => `${chunk(data)}0\n\n`],
  ] as [string, (data: string) => string][]
).map(([name, write]) => trick(`chunks ${name}`, chunkedAs(write)));
