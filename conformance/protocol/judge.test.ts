import { describe, expect, it } from '@jest/globals';
import { refused, type Expectation } from './case.ts';
import { judge } from './judge.ts';
import { repliesIn } from './send.ts';

const request = { method: 'GET', path: '/' };
const verdict = (expect: Expectation, body: unknown, status = 200, headers = {}) =>
  judge(
    { request, expect },
    { replies: [{ status, headers, body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)) }] },
  );
const output = (data: unknown, more = {}) => ({
  outputs: [{ name: 'y', shape: [1], datatype: 'FP32', data, ...more }],
});

describe('the judge', () => {
  it('lets right answers pass', () => {
    expect(verdict({ outputs: { y: { shape: [1], datatype: 'FP32', data: [0.1] } } }, output([0.10000000149]))).toBe(
      undefined,
    );
    expect(verdict({ json: { a: [1, { b: 2 }] } }, { a: [1.000001, { b: 2, c: 3 }], d: 4 })).toBe(undefined);
    expect(verdict(refused(400, 404), { error: 'no' }, 404)).toBe(undefined);
  });

  it.each([
    ['another status', {}, {}, 500],
    ['another number', { outputs: { y: { data: [1] } } }, output([1.1]), 200],
    ['a number more', { outputs: { y: { data: [1] } } }, output([1, 1]), 200],
    ['another shape', { outputs: { y: { shape: [1, 1], data: [1] } } }, output([1]), 200],
    ['another datatype', { outputs: { y: { datatype: 'FP64', data: [1] } } }, output([1]), 200],
    ['a missing output', { outputs: { z: { data: [1] } } }, output([1]), 200],
    ['a missing member', { json: { a: 1 } }, {}, 200],
    ['a list that is longer', { json: { a: [1] } }, { a: [1, 2] }, 200],
    ['a refusal without words', refused(400), { error: '' }, 400],
    ['a refusal with a stack', refused(400), { error: 'x\n    at f (a.js:1:1)' }, 400],
    ['a refusal in another form', refused(400), { detail: 'no' }, 400],
    ['text that must not be there', { notText: /b/ }, { a: 'b' }, 200],
    ['a missing header', { headers: { 'content-type': /json/ } }, {}, 200],
  ] as [string, Expectation, unknown, number][])('does not take %s', (_, expected, body, status) => {
    expect(verdict(expected, body, status)).toEqual(expect.any(String));
  });

  it('compares whole numbers beyond 2^53 by their digits', () => {
    const expected = { outputs: { y: { data: [9007199254740993n] } } };
    const body = (digits: string) => Buffer.from(`{"outputs":[{"name":"y","data":[${digits}]}]}`);
    expect(verdict(expected, body('9007199254740993'))).toBe(undefined);
    expect(verdict(expected, body('9007199254740992'))).toContain('9007199254740992');
  });

  it('compares bytes behind the JSON', () => {
    const head = Buffer.from('{"outputs":[{"name":"y","parameters":{"binary_data_size":2}}]}');
    const body = (blob: number[]) => Buffer.concat([head, Buffer.from(blob)]);
    const headers = { 'inference-header-content-length': String(head.length) };
    const expected = { blobs: { y: Buffer.from([1, 2]) } };
    expect(verdict(expected, body([1, 2]), 200, headers)).toBe(undefined);
    expect(verdict(expected, body([1, 3]), 200, headers)).toContain('0103');
    expect(verdict(expected, head, 200, headers)).toEqual(expect.any(String));
  });
});

describe('the answers on a connection', () => {
  it('are told apart by their lengths, chunked ones too, and 100 Continue is none', () => {
    const bytes = [
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
      'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\nlate',
    ];
    expect(repliesIn(Buffer.from(bytes.join(''))).map(({ status }) => status)).toEqual([200, 400, 408]);
  });
});
