import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { connectionProblem, passedBack, PassedHeaders } from './passed-headers.ts';

const FRAMING = ['host', 'content-length', 'transfer-encoding', 'expect', 'trailer'];
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade'];

describe('headers of a request that is passed on', () => {
  it('are those on a list, and those that are asked for', () => {
    const headers = { 'content-type': 'a', authorization: 'b', cookie: 'c', 'x-id': '7', 'x-canary': 'd' };
    const { fields } = PassedHeaders.ofClient(headers, ['x-canary']);
    expect(fields).toEqual({ 'content-type': 'a', authorization: 'b', cookie: 'c', 'x-canary': 'd' });
  });

  it('say of a copy nothing of who the client is', () => {
    const headers = { 'content-type': 'a', authorization: 'b', cookie: 'c', traceparent: 'd' };
    expect(PassedHeaders.ofCopy(headers).fields).toEqual({ 'content-type': 'a', traceparent: 'd' });
  });

  it('say nothing of how the body came when it is unpacked', () => {
    const headers = { 'content-type': 'a', 'content-encoding': 'gzip', cookie: 'b' };
    expect(PassedHeaders.ofClient(headers).unpacked().fields).toEqual({ cookie: 'b' });
  });

  it('are never of the frame or the connection, whatever is said of them', () => {
    const name = fc.constantFrom(...FRAMING, ...OF_CONNECTION, 'content_length', 'x-id', 'content-type', 'traceparent');
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), fc.array(name), (headers, more) => {
        const { fields } = PassedHeaders.ofClient(
          headers,
          more.filter((one) => !OF_CONNECTION.includes(one)),
        );
        for (const one of [...FRAMING, ...OF_CONNECTION]) expect(fields).not.toHaveProperty(one);
      }),
    );
  });
});

describe('options of Connection', () => {
  it.each([
    ...['content-length', 'Transfer-Encoding', 'keep-alive, Host', 'close,content-encoding', ' ,expect, '],
    ...['"content-length"', 'x;, content-length\t', 'authorization', 'cookie', 'inference-header-content-length'],
  ])('%j names a header that is heeded, and is refused', (value) => {
    expect(connectionProblem(value)).toMatchObject({ status: 400 });
  });

  it.each([undefined, '', 'keep-alive', 'close', 'Upgrade, HTTP2-Settings', 'TE', 'x-own'])(
    '%j is none of that',
    (value) => {
      expect(connectionProblem(value)).toBeUndefined();
    },
  );
});

describe('headers of an answer that is passed back', () => {
  it('are all but those of the connection and the frame', () => {
    const headers = {
      ...{ connection: 'keep-alive, X-Private', 'keep-alive': 'timeout=5', 'x-private': '1' },
      ...{ 'content-length': '5', 'transfer-encoding': 'chunked', te: 'trailers', date: 'now', 'x-id': '7' },
    };
    expect(passedBack({ ...headers, 'set-cookie': ['a', 'b'] })).toEqual({ 'x-id': '7', 'set-cookie': ['a', 'b'] });
  });
});
