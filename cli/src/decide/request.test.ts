import { describe, expect, it } from '@jest/globals';
import { exampleOf, readRequest } from './request.ts';

const tensor = { name: 'image', datatype: 'FP32', shape: [1, 2], data: [0, 1] };
const read = (body: unknown, version?: string) => readRequest(JSON.stringify(body), 'digits', version);

describe('a request', () => {
  it.each([
    ['a list of tensors', { inputs: [tensor] }, 'v2', '/v2/models/digits/infer'],
    ['instances', { instances: [[0, 1]] }, 'v1', '/v1/models/digits:predict'],
    ['named inputs', { inputs: { image: [[0, 1]] } }, 'v1', '/v1/models/digits:predict'],
    ['inputs without a name', { inputs: [[0, 1]] }, 'v1', '/v1/models/digits:predict'],
    ['an empty list of inputs', { inputs: [] }, 'v1', '/v1/models/digits:predict'],
    ['a bare list', [[0, 1]], 'v1', '/v1/models/digits:predict'],
  ])('of %s speaks the protocol that has it', (_, body, protocol, path) => {
    expect(read(body)).toMatchObject({ protocol, path });
  });

  it('names the version in the path of either protocol', () => {
    expect(read({ inputs: [tensor] }, '3').path).toBe('/v2/models/digits/versions/3/infer');
    expect(read([[0]], '3').path).toBe('/v1/models/digits/versions/3:predict');
  });

  it('is sent letter by letter: no number is rounded', () => {
    const text = '{"inputs": [{"name": "id", "datatype": "INT64", "shape": [1], "data": [9007199254740993]}]}';
    expect(readRequest(text, 'digits', undefined).body).toBe(text);
    expect(readRequest('[[1e-30]]', 'digits', undefined).body).toBe('{"instances": [[1e-30]]}');
  });

  it.each(['{"input": 1}', '3', 'null', '{', ''])('that is %j is refused in words', (text) => {
    expect(() => readRequest(text, 'digits', undefined)).toThrow(/is not JSON|neither "inputs" nor "instances"/);
  });
});

describe('an example', () => {
  it('has one row of zeros for every input, in its type', () => {
    const inputs = [
      { name: 'image', datatype: 'FP32', shape: [-1, 2] },
      { name: 'text', datatype: 'BYTES', shape: [1] },
      { name: 'flag', datatype: 'BOOL', shape: [] },
    ];
    const example = exampleOf({ name: 'digits', inputs, outputs: [] });
    expect(example).toEqual({
      inputs: [
        { name: 'image', datatype: 'FP32', shape: [1, 2], data: [0, 0] },
        { name: 'text', datatype: 'BYTES', shape: [1], data: [''] },
        { name: 'flag', datatype: 'BOOL', shape: [], data: [false] },
      ],
    });
    expect(read(example).protocol).toBe('v2');
  });
});
