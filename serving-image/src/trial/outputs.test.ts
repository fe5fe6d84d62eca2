import { describe, expect, it } from '@jest/globals';
import { hasNonFinite, outputsV1, outputsV2 } from './outputs.ts';

const plain = (outputs: ReturnType<typeof outputsV1>) => outputs.map(({ name, values }) => [name, Array.from(values)]);

describe('the outputs of an Open Inference answer', () => {
  it('are read flat, nested and scalar', () => {
    const body = JSON.stringify({
      outputs: [
        { name: 'a', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] },
        {
          name: 'b',
          datatype: 'INT32',
          shape: [2, 2],
          data: [
            [1, 2],
            [3, 4],
          ],
        },
        { name: 'c', datatype: 'BOOL', shape: [], data: true },
      ],
    });
    expect(plain(outputsV2({ body }))).toEqual([
      ['a', [1, 2, 3, 4]],
      ['b', [1, 2, 3, 4]],
      ['c', [true]],
    ]);
  });

  it('hold the numbers JSON has no words for, unless they are texts', () => {
    const body = JSON.stringify({
      outputs: [
        { name: 'a', datatype: 'FP32', data: ['NaN', 'Infinity', '-Infinity', 0] },
        { name: 'b', datatype: 'BYTES', data: ['NaN'] },
      ],
    });
    expect(plain(outputsV2({ body }))).toEqual([
      ['a', [NaN, Infinity, -Infinity, 0]],
      ['b', ['NaN']],
    ]);
  });

  const bytes = (...values: number[]) => Buffer.from(values);
  it.each<[string, Buffer, unknown[]]>([
    ['BOOL', bytes(0, 1), [false, true]],
    ['UINT8', bytes(255), [255]],
    ['INT8', bytes(255), [-1]],
    ['UINT16', bytes(1, 255), [0xff01]],
    ['INT16', bytes(0, 128), [-32768]],
    ['UINT32', bytes(0, 0, 0, 128), [2 ** 31]],
    ['INT32', bytes(255, 255, 255, 255), [-1]],
    ['UINT64', bytes(1, 0, 0, 0, 0, 0, 0, 128), [2n ** 63n + 1n]],
    ['INT64', bytes(255, 255, 255, 255, 255, 255, 255, 255), [-1n]],
    ['FP16', bytes(0, 0x3c, 1, 0, 0, 0xfc, 0, 0x7e, 0xff, 0x7b), [1, 2 ** -24, -Infinity, NaN, 65504]],
    ['BF16', bytes(0x80, 0x3f, 0xc0, 0x7f, 0x80, 0xff), [1, NaN, -Infinity]],
    ['FP32', Buffer.from(Float32Array.of(1.5, NaN).buffer), [1.5, NaN]],
    ['FP64', Buffer.from(Float64Array.of(0.1).buffer), [0.1]],
    ['BYTES', Buffer.concat([bytes(2, 0, 0, 0), Buffer.from('ab'), bytes(0, 0, 0, 0)]), ['ab', '']],
  ])('are read from binary %s, behind a tensor in JSON', (datatype, blob, expected) => {
    const json = JSON.stringify({
      outputs: [
        { name: 'first', datatype: 'UINT8', parameters: { binary_data_size: 1 } },
        { name: 'json', datatype: 'FP32', data: [7] },
        { name: 'y', datatype, parameters: { binary_data_size: blob.length } },
      ],
    });
    // An odd place in memory: no reader may rely on alignment.
    const body = Buffer.concat([Buffer.from(` ${json}`), bytes(9), blob]).subarray(1);
    expect(plain(outputsV2({ body, jsonLength: json.length }))).toEqual([
      ['first', [9]],
      ['json', [7]],
      ['y', expected],
    ]);
  });

  it.each([
    '',
    '{',
    'null',
    '{}',
    '{"outputs":{}}',
    '{"outputs":[{"name":"a","datatype":"X","parameters":{"binary_data_size":0}}]}',
  ])('are not read from %j', (body) => {
    expect(() => outputsV2({ body })).toThrow(SyntaxError);
  });
});

describe('the outputs of a TensorFlow Serving answer', () => {
  it.each<[string, string, unknown]>([
    ['rows of one output', '{"predictions":[[1,2],[3,4]]}', [['predictions', [1, 2, 3, 4]]]],
    [
      'rows of two outputs',
      '{"predictions":[{"a":[1],"b":2},{"a":[3],"b":4}]}',
      [
        ['a', [1, 3]],
        ['b', [2, 4]],
      ],
    ],
    [
      'columns',
      '{"outputs":{"a":[[1]],"b":["x"]}}',
      [
        ['a', [1]],
        ['b', ['x']],
      ],
    ],
    ['a bare column', '{"outputs":[1.5]}', [['outputs', [1.5]]]],
    ['classes', '{"results":[[["cat",0.5]]]}', [['results', ['cat', 0.5]]]],
    ['bytes', '{"predictions":[{"b64":"YQ=="}]}', [['predictions', ['{"b64":"YQ=="}']]]],
    [
      'bare tokens',
      '{"predictions":[NaN,-Infinity,Infinity,1,"a NaN \\" b"]}',
      [['predictions', [NaN, -Infinity, Infinity, 1, 'a NaN " b']]],
    ],
  ])('are read from %s', (_, body, expected) => {
    expect(plain(outputsV1({ body }))).toEqual(expected);
    expect(plain(outputsV1({ body: Buffer.from(body) }))).toEqual(expected);
  });

  it.each(['{"error":"x"}', 'null', '{"predictions":[nan]}'])('are not read from %s', (body) => {
    expect(() => outputsV1({ body })).toThrow(SyntaxError);
  });
});

describe('a value that is not finite', () => {
  it('is found among numbers, and only there', () => {
    expect(hasNonFinite([1, 'x', true, 2n, -3])).toBe(false);
    expect([hasNonFinite([1, NaN]), hasNonFinite([Infinity, 1]), hasNonFinite(Float32Array.of(0, -Infinity))]).toEqual([
      true,
      true,
      true,
    ]);
  });
});
