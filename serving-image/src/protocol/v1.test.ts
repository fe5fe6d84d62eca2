import { describe, expect, it } from '@jest/globals';
import type { ServedModel, Tensor, TensorSpec } from '../model/types.ts';
import { RequestError } from './errors.ts';
import { decodeBody } from './json.ts';
import { decodePredict, modelMetadata, modelStatus, servableNotFound } from './v1.ts';

function served(inputs: TensorSpec[]): ServedModel {
  const signatures = new Map([['serving_default', { inputs, outputs: [] }]]);
  return {
    name: 'half',
    version: '123',
    format: 'SavedModel',
    engine: 'tensorflow',
    signatures,
    defaultSignature: 'serving_default',
  };
}

const x: TensorSpec = { name: 'x', dtype: 'FP32', shape: [-1] };
const image: TensorSpec = { name: 'image', dtype: 'FP32', shape: [-1, 2] };
const text: TensorSpec = { name: 'text', dtype: 'BYTES', shape: [-1] };
const floats = (name: string, shape: number[], ...values: number[]): Tensor => ({
  name,
  dtype: 'FP32',
  shape,
  data: Float32Array.from(values),
});

function refusal(body: Record<string, unknown>, model: ServedModel): RequestError {
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
    ['an unknown column', { inputs: { y: [1] } }, [x], 'Missing named input "x"'],
    ['a bare value after a named one', { instances: [{ x: 1 }, 2] }, [x], 'element: 1'],
    ['rows of different length', { instances: [[1, 2], [3]] }, [image], 'a list of 1'],
    ['the wrong number of columns', { instances: [[1, 2, 3]] }, [image], 'has shape [1,3], expected [-1,2]'],
    ['text for numbers', { instances: [['a', 'b']] }, [image], 'element [0,0] is "a"'],
  ])('with %s is refused in words', (_, body, inputs, words) => {
    const error = refusal(body, served(inputs));
    expect(error.status).toBe(400);
    expect(error.message).toContain(words);
  });

  it('takes NaN and infinities as bare words, as TensorFlow Serving does', () => {
    const body = decodeBody(Buffer.from('{"instances":[NaN, -Infinity, 1]}'), { bareTokens: true });
    expect(decodePredict(body, served([x])).inputs[0]?.data).toEqual(Float32Array.from([NaN, -Infinity, 1]));
  });
});

describe('a predict answer', () => {
  const { respond: rows } = decodePredict({ instances: [1] }, served([x]));
  const { respond: columns } = decodePredict({ inputs: [1] }, served([x]));
  const y = floats('y', [2], 3, 4);
  const z = floats('z', [2, 2], 1, 2, 3, NaN);

  it.each([
    ['rows of one output', rows, [y], '{"predictions":[3,4]}'],
    ['rows of several outputs', rows, [y, z], '{"predictions":[{"y":3,"z":[1,2]},{"y":4,"z":[3,NaN]}]}'],
    ['a column', columns, [z], '{"outputs":[[1,2],[3,NaN]]}'],
    ['several columns', columns, [y, z], '{"outputs":{"y":[3,4],"z":[[1,2],[3,NaN]]}}'],
    ['a scalar column', columns, [floats('s', [], 7)], '{"outputs":7}'],
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
  ])('gives %s', (_, respond, outputs, text) => {
    expect(respond(outputs)).toBe(text);
  });

  it('in rows needs outputs of one batch size', () => {
    expect(() => rows([y, floats('w', [3], 1, 2, 3)])).toThrow(
      'Tensor name: w has inconsistent batch size: 3 expecting 2',
    );
  });
});

describe('status and metadata', () => {
  it('have the form of TensorFlow Serving', () => {
    expect(JSON.parse(modelStatus(served([x])))).toEqual({
      model_version_status: [{ version: '123', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
    });
    expect(JSON.parse(modelMetadata(served([x])))).toMatchObject({
      model_spec: { name: 'half', version: '123' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: { inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }] } } } },
          },
        },
      },
    });
  });

  it('tell an unknown model in its words', () => {
    expect(servableNotFound('half', undefined).message).toBe('Servable not found for request: Latest(half)');
    expect(servableNotFound('half', '7').message).toBe('Servable not found for request: Specific(half, 7)');
  });
});
