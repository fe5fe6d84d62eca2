import { describe, expect, it } from '@jest/globals';
import type { ServedModel, Tensor, TensorSpec } from '../../model/types.ts';
import { RequestError } from '../../errors.ts';
import { jsonTextOf } from '../json/text.ts';
import { encodePredict } from './answer.ts';
import { decodePredict as decode } from './predict.ts';

function served(inputs: TensorSpec[]): ServedModel {
  const signatures = new Map([['serving_default', { inputs, outputs: [] }]]);
  return {
    name: 'half',
    version: '123',
    format: 'SavedModel',
    engine: 'tensorflow',
    engineReason: 'it was asked for',
    signatures,
    defaultSignature: 'serving_default',
  };
}

const decodePredict = (body: object | string, of: ServedModel) =>
  decode(jsonTextOf(typeof body === 'string' ? body : JSON.stringify(body)), of);

const x: TensorSpec = { name: 'x', dtype: 'FP32', shape: [-1] };
const image: TensorSpec = { name: 'image', dtype: 'FP32', shape: [-1, 2] };
const text: TensorSpec = { name: 'text', dtype: 'BYTES', shape: [-1] };
const floats = (name: string, shape: number[], ...values: number[]): Tensor => ({
  name,
  dtype: 'FP32',
  shape,
  data: Float32Array.from(values),
});

function refusal(body: object | string, model: ServedModel): RequestError {
  try {
    decodePredict(body, model);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('the request was accepted');
}

describe('a predict request', () => {
  it.each([
    ['rows of bare values', { instances: [1, 2] }, [x], [floats('x', [2], 1, 2)]],
    [
      'rows of bare lists',
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      [image],
      [floats('image', [2, 2], 1, 2, 3, 4)],
    ],
    ['rows of named inputs', { instances: [{ image: [1, 2] }] }, [image], [floats('image', [1, 2], 1, 2)]],
    [
      'rows of several named inputs',
      { instances: [{ image: [1, 2], x: 3 }] },
      [x, image],
      [floats('x', [1], 3), floats('image', [1, 2], 1, 2)],
    ],
    ['columns of a bare input', { inputs: [[1, 2]] }, [image], [floats('image', [1, 2], 1, 2)]],
    ['columns of a named input', { inputs: { image: [[1, 2]] } }, [image], [floats('image', [1, 2], 1, 2)]],
    ['text', { instances: ['a'] }, [text], [{ name: 'text', dtype: 'BYTES', shape: [1], data: [Buffer.from('a')] }]],
    [
      'bytes',
      { instances: [{ b64: 'AP8=' }] },
      [text],
      [{ name: 'text', dtype: 'BYTES', shape: [1], data: [Buffer.from([0, 255])] }],
    ],
    [
      'named bytes',
      { instances: [{ text: { b64: 'YQ==' } }] },
      [text],
      [{ name: 'text', dtype: 'BYTES', shape: [1], data: [Buffer.from('a')] }],
    ],
  ])('takes %s', (_, body, inputs, expected) => {
    expect(decodePredict(body, served(inputs)).inputs).toEqual(expected);
  });

  it.each([
    ['neither key', {}, [x], "Missing 'inputs' or 'instances' key"],
    ['both keys', { inputs: [1], instances: [1] }, [x], "Both 'instances' and 'inputs'"],
    ['instances that are no list', { instances: 1 }, [x], "'instances' is not a list"],
    ['no instances', { instances: [] }, [x], 'empty list'],
    ['an unknown signature', { signature_name: 'other', instances: [1] }, [x], '"other" not found in signature def'],
    ['a plain list for several inputs', { instances: [1] }, [x, image], 'several inputs'],
    [
      'a missing input',
      { instances: [{ image: [1, 2] }] },
      [x, image],
      'element: 0 of \'instances\' list. Missing named input "x"',
    ],
    ['an unknown input', { instances: [{ x: 1, y: 2 }] }, [x], 'Unknown input "y"'],
    ['a column of another name', { inputs: { y: [1] } }, [x], 'Missing named input "x"'],
    ['a bare value after a named one', { instances: [{ x: 1 }, 2] }, [x], 'element: 1'],
    ['rows of different length', { instances: [[1, 2], [3]] }, [image], 'a list of 1'],
    ['the wrong number of columns', { instances: [[1, 2, 3]] }, [image], 'a list of 3 where its shape [-1,2] needs 2'],
    ['too few dimensions', { instances: [1, 2] }, [image], "'instances' is nested 1 deep, but its shape [-1,2] has 2"],
    ['too many dimensions', { instances: [[[1, 2]]] }, [image], 'element [0,0] is [1,2]'],
    ['a row without values', { instances: [[]] }, [{ ...image, shape: [-1, -1] }], 'needs at least 1'],
    ['an input given twice', '{"instances":[{"x":1,"x":2}]}', [x], 'Input "x" is given twice'],
    ['a second form', '{"instances":[1],"inputs":[1]}', [x], "Both 'instances' and 'inputs'"],
    ['text for numbers', { instances: [['a', 'b']] }, [image], 'element [0,0] is "a"'],
    ['a form given twice', '{"instances":[1z],"instances":[1]}', [x], "'instances' is given twice"],
    ['a key given twice', '{"y":1,"y":2,"instances":[1]}', [x], "'y' is given twice"],
    ['no JSON where nobody looks', '{"y":[1z],"instances":[1]}', [x], 'not valid JSON'],
    ['no JSON beside a named input', '{"y":[1z],"x":1}', [x], 'not valid JSON'],
  ])('with %s is refused in words', (_, body, inputs, words) => {
    const error = refusal(body, served(inputs));
    expect(error.status).toBe(400);
    expect(error.message).toContain(words);
  });

  it('may name its signature behind the values', () => {
    const model = served([x]);
    const other = { inputs: [image], outputs: [] };
    const two = { ...model, signatures: new Map([...model.signatures, ['other', other]]) };
    const asked = decodePredict('{"instances":[[1,2]],"signature_name":"other"}', two);
    expect([asked.signature, asked.inputs]).toEqual(['other', [floats('image', [1, 2], 1, 2)]]);
    expect(() => decodePredict('{"instances":[[1,2]]}', two)).toThrow('element [0] is [1,2]');
    expect(() => decodePredict('{"instances":[1],"signature_name":"none"}', two)).toThrow('"none" not found');
  });

  it('finds sizes that are free in the model in the values, the same in all rows', () => {
    const free = served([{ ...image, shape: [-1, -1, 2] }]);
    const { inputs } = decodePredict('{"instances":[[[1,2],[3,4]],[[5,6],[7,8]]]}', free);
    expect(inputs).toEqual([floats('image', [2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8)]);
    expect(() => decodePredict('{"instances":[[[1,2]],[[5,6],[7,8]]]}', free)).toThrow('a list of 2');
  });

  it('keeps all rows of a batch of any length apart', () => {
    const rows = Array.from({ length: 3000 }, (_, i) => [i, i / 8]);
    for (const body of [{ instances: rows }, { instances: rows.map((row) => ({ image: row })) }, { inputs: rows }]) {
      expect(decodePredict(body, served([image])).inputs).toEqual([floats('image', [3000, 2], ...rows.flat())]);
    }
  });

  it('ignores columns that are no inputs, and a signature that is empty', () => {
    const body = { signature_name: '', inputs: { x: [1], y: [2] }, other: 'x' };
    expect(decodePredict(body, served([x])).inputs).toEqual([floats('x', [1], 1)]);
  });

  it('takes inputs of any rank where the model does', () => {
    const any: TensorSpec = { name: 'x', dtype: 'FP32', shape: [-1], unknownRank: true };
    expect(decodePredict({ inputs: 5 }, served([any])).inputs).toEqual([floats('x', [], 5)]);
    expect(decodePredict({ inputs: [[5, 6]] }, served([any])).inputs).toEqual([floats('x', [1, 2], 5, 6)]);
    const rows = { instances: [{ x: [5, 6] }, { x: [7, 8] }] };
    expect(decodePredict(rows, served([any])).inputs).toEqual([floats('x', [2, 2], 5, 6, 7, 8)]);
  });

  it('takes NaN and infinities as bare words, as TensorFlow Serving does', () => {
    const body = '{"instances":[NaN, -Infinity, 1]}';
    expect(decodePredict(body, served([x])).inputs[0]?.data).toEqual(Float32Array.from([NaN, -Infinity, 1]));
  });
});

describe('a body written by hand', () => {
  const picture: TensorSpec = { name: 'image', dtype: 'FP32', shape: [-1, 4] };
  const nested: TensorSpec = { name: 'image', dtype: 'FP32', shape: [-1, 2, 2] };
  const values = (rows: number, shape: number[]) =>
    floats('image', [rows, ...shape], ...Array.from({ length: 4 * rows }, (_, i) => i));
  const rows = [
    [0, 1],
    [2, 3],
  ];
  const more = [
    [4, 5],
    [6, 7],
  ];

  it.each([
    ['one sample', { image: rows }, nested, values(1, [2, 2]), 'sample'],
    ['one sample of rows for a flat input', { image: rows }, picture, values(1, [4]), 'sample'],
    ['one flat sample', { image: [0, 1, 2, 3] }, picture, values(1, [4]), 'sample'],
    ['one flat sample for an input of rows', { image: [0, 1, 2, 3] }, nested, values(1, [2, 2]), 'sample'],
    ['a batch of one', { image: [rows] }, nested, values(1, [2, 2]), 'columns'],
    ['a batch', { image: [rows, more] }, nested, values(2, [2, 2]), 'columns'],
    ['a batch of rows for a flat input', { image: [rows, more] }, picture, values(2, [4]), 'columns'],
    ['nothing but the value', rows, nested, values(1, [2, 2]), 'sample'],
    ['nothing but a batch', [rows, more], picture, values(2, [4]), 'columns'],
  ])('may be %s', (_, body, spec, expected, form) => {
    const asked = decodePredict(body, served([spec]));
    expect([asked.inputs, asked.form]).toEqual([[expected], form]);
  });

  it('may name several inputs, and the signature', () => {
    const two = served([x, picture]);
    expect(decodePredict({ signature_name: 'serving_default', image: rows, x: [7] }, two)).toEqual({
      signature: 'serving_default',
      inputs: [floats('x', [1], 7), values(1, [4])],
      form: 'columns',
    });
    expect(decodePredict({ x: 7, image: rows }, two).form).toBe('sample');
  });

  it.each([
    [
      'a picture of another size',
      { image: [[1, 2, 3]] },
      'has shape [1,3], expected [-1,4], or one sample of shape [4]',
    ],
    ['rows of different length', { image: [[1, 2], [3]] }, 'a list of 1'],
    ['text', { image: ['a'] }, 'element [0] is "a"'],
    ['another name', { picture: rows }, "Missing 'inputs' or 'instances' key"],
    ['no JSON', '{"image":[[1,2],[3,04]]}', 'not valid JSON'],
    ['text behind it', '[[1,2],[3,4]] x', 'not valid JSON'],
  ])('is refused in words for %s', (_, body, words) => {
    expect(refusal(body, served([picture])).message).toContain(words);
  });

  it('needs all inputs, and their names where there are several', () => {
    expect(refusal({ image: rows }, served([x, picture])).message).toContain('Missing named input "x"');
    expect(refusal([1], served([x, picture])).message).toContain('several inputs');
  });

  it('of one sample is answered without a batch dimension', () => {
    const asked = decodePredict({ image: rows }, served([picture]));
    expect(encodePredict(asked, [floats('y', [1, 2], 0.25, 0.75)]).toString()).toBe('{"outputs":[0.25,0.75]}');
    expect(encodePredict(asked, [floats('y', [1], 0.5)]).toString()).toBe('{"outputs":0.5}');
  });
});

describe('a predict answer', () => {
  const respond = (body: object) => (outputs: readonly Tensor[]) =>
    encodePredict(decodePredict(body, served([x])), outputs).toString();
  const rows = respond({ instances: [1] });
  const columns = respond({ inputs: [1] });
  const y = floats('y', [2], 3, 4);
  const z = floats('z', [2, 2], 1, 2, 3, NaN);

  it.each([
    ['rows of one output', rows, [y], '{"predictions":[3.0,4.0]}'],
    ['rows of several outputs', rows, [y, z], '{"predictions":[{"y":3.0,"z":[1.0,2.0]},{"y":4.0,"z":[3.0,NaN]}]}'],
    ['a column', columns, [z], '{"outputs":[[1.0,2.0],[3.0,NaN]]}'],
    ['several columns', columns, [y, z], '{"outputs":{"y":[3.0,4.0],"z":[[1.0,2.0],[3.0,NaN]]}}'],
    ['a scalar column', columns, [floats('s', [], 7)], '{"outputs":7.0}'],
    [
      'text',
      columns,
      [{ name: 't', dtype: 'BYTES' as const, shape: [1], data: [Buffer.from('"')] }],
      '{"outputs":["\\""]}',
    ],
    [
      'bytes',
      columns,
      [{ name: 't_bytes', dtype: 'BYTES' as const, shape: [1], data: [Buffer.from('a')] }],
      '{"outputs":[{"b64":"YQ=="}]}',
    ],
    [
      'booleans',
      columns,
      [{ name: 'b', dtype: 'BOOL' as const, shape: [2], data: Uint8Array.from([1, 0]) }],
      '{"outputs":[true,false]}',
    ],
  ])('gives %s', (_, answer, outputs, text) => {
    expect(answer(outputs)).toBe(text);
  });

  it('in rows needs outputs of one batch size', () => {
    expect(() => rows([y, floats('w', [3], 1, 2, 3)])).toThrow(
      'Tensor name: w has inconsistent batch size: 3 expecting 2',
    );
  });
});
