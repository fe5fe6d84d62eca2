import { describe, expect, it } from '@jest/globals';
import { requestLine } from './peek.ts';

describe('the first bytes of a connection', () => {
  it.each([
    ['GET / HTTP/1.1\r\nHost: x\r\n', { method: 'GET', url: '/' }],
    ['POST /v2/models/m/infer HTTP/1.0\n', { method: 'POST', url: '/v2/models/m/infer' }],
    ['GET /a?b=c HTTP/1.1\r\n\r\nrest', { method: 'GET', url: '/a?b=c' }],
  ])('%j are a request', (text, line) => {
    expect(requestLine(Buffer.from(text))).toEqual(line);
  });

  it.each([
    ['', 'nothing'],
    ['GET / HT', 'a line that is cut off'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/2'],
    ['\u0016\u0003\u0001\n', 'TLS'],
    ['get / HTTP/1.1\r\n', 'no method'],
    ['GET /a b HTTP/1.1\r\n', 'a blank in the path'],
  ])('%j are none: %s', (text) => {
    expect(requestLine(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});
