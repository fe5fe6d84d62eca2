/** Heads that two readers may read differently. Test code only. */
import { head, hidden, line, request, trick, type Trick } from './requests.ts';

export const HEADS: readonly Trick[] = [
  trick(
    'lines that end with LF',
    head((text) => text.replaceAll('\r\n', '\n')),
  ),
  trick(
    'lines that end with CR',
    head((text) => text.replaceAll('\r\n', '\r')),
  ),
  trick(
    'the head ends with LF',
    head((text) => text.replace('\r\n\r\n', '\r\n\n')),
  ),
  trick(
    'an empty line in front',
    head((text) => `\r\n${text}`),
  ),
  trick(
    'an LF in front',
    head((text) => `\n${text}`),
  ),
  trick(
    'NUL in a value',
    head((text) => text.replace('Host: x', 'Host: x\0')),
  ),
  trick(
    'NUL in a name',
    head((text) => text.replace('Host: x', 'Host: x\r\nA\0: b')),
  ),
  trick(
    'CR in a value',
    head((text) => text.replace('Host: x', 'Host: x\r\nA: b\rc')),
  ),
  trick(
    'a field without a colon',
    head((text) => text.replace('Host: x', 'Host: x\r\nabc')),
  ),
  trick(
    'a field without a name',
    head((text) => text.replace('Host: x', 'Host: x\r\n: abc')),
  ),
  trick(
    'blank in a name',
    head((text) => text.replace('Host: x', 'Host: x\r\na b: c')),
  ),
  trick(
    'blank in front of the first field',
    head((text) => text.replace('Host: x', ' Host: x')),
  ),
  trick(
    'a folded field',
    head((text) => text.replace('Host: x', 'Host: x\r\nA: b\r\n c')),
  ),
  trick(
    'a folded Host',
    head((text) => text.replace('Host: x', 'Host:\r\n x')),
  ),
  trick(
    'two Hosts',
    head((text) => text.replace('Host: x', 'Host: x\r\nHost: y')),
  ),
  trick(
    'no Host',
    head((text) => text.replace('Host: x\r\n', '')),
  ),
  trick(
    'a Host with a path',
    head((text) => text.replace('Host: x', 'Host: x/y@z')),
  ),
  trick(
    'letters of other alphabets',
    head((text) => text.replace('Host: x', 'Host: x\r\nA: \xff\xfe\xc3\x28')),
  ),
  trick(
    'an obscure name',
    head((text) => text.replace('Host: x', 'Host: x\r\n__proto__: y\r\nconstructor: z')),
  ),
  trick(
    'other methods by a header',
    head((text) =>
      text.replace(
        'Host: x',
        'Host: x\r\nX-HTTP-Method-Override: GET\r\nX-Original-URL: /metrics\r\nX-Rewrite-URL: /v2',
      ),
    ),
  ),
  trick(
    'marked as forwarded',
    head((text) => text.replace('Host: x', 'Host: x\r\nX-Modelserving-Forwarded: 1')),
  ),
  trick(
    'absolute form',
    line((path) => `POST http://x${path} HTTP/1.1`),
  ),
  trick(
    'absolute form of another host',
    line((path) => `POST http://other.example:99${path} HTTP/1.1`),
  ),
  trick(
    'a line of HTTP/1.0',
    line((path) => `POST ${path} HTTP/1.0`),
  ),
  trick(
    'a line of HTTP/0.9',
    line((path) => `POST ${path}`),
  ),
  trick(
    'a line of HTTP/1.2',
    line((path) => `POST ${path} HTTP/1.2`),
  ),
  trick(
    'a line of HTTP/2.0',
    line((path) => `POST ${path} HTTP/2.0`),
  ),
  trick(
    'a small method',
    line((path) => `post ${path} HTTP/1.1`),
  ),
  trick(
    'an unknown method',
    line((path) => `GETS ${path} HTTP/1.1`),
  ),
  trick(
    'two blanks',
    line((path) => `POST  ${path} HTTP/1.1`),
  ),
  trick(
    'a tab in the line',
    line((path) => `POST\t${path} HTTP/1.1`),
  ),
  trick(
    'a blank in the path',
    line((path) => `POST ${path} x HTTP/1.1`),
  ),
  trick(
    'line ends in the path',
    line((path) => `POST ${path}?a=%0d%0aContent-Length:%200%0d%0a%0d%0a HTTP/1.1`),
  ),
  trick(
    'a fragment',
    line((path) => `POST ${path}#x HTTP/1.1`),
  ),
  trick(
    'letters of other alphabets in the path',
    line((path) => `POST ${path}?\xe9\xff HTTP/1.1`),
  ),
  trick('CONNECT', (target) => request('x:80', { method: 'CONNECT', fields: [] }) + hidden(target)),
  trick('OPTIONS *', (target) => request('*', { method: 'OPTIONS', fields: [] }) + hidden(target)),
  trick('the begin of HTTP/2', (target) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden(target)}`),
  trick(
    'a long head',
    head((text) => text.replace('Host: x', `Host: x\r\nA: ${'a'.repeat(16_000)}`)),
  ),
  trick(
    'a head that is too long',
    head((text) => text.replace('Host: x', `Host: x\r\nA: ${'a'.repeat(20_000)}`)),
  ),
];
