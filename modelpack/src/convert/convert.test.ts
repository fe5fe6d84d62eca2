import { describe, expect, it } from '@jest/globals';
import type { LayersModel, Weight } from '../keras/layers-model.ts';
import { ConversionRefused, convertLayers } from './index.ts';

type Layer = { class_name: string; config: Record<string, unknown>; [key: string]: unknown };

const weight = (shape: number[]): Weight => ({
  path: 'w',
  dtype: 'float32',
  shape,
  read: () => new Uint8Array(new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5).buffer),
});

const INPUT: Layer = { class_name: 'InputLayer', config: { name: 'x', batch_shape: [null, 4], dtype: 'float32' } };
const dense = (name: string, more: Record<string, unknown> = {}): Layer => ({
  class_name: 'Dense',
  config: { name, units: 2, activation: 'relu', use_bias: true, ...more },
});

function sequential(layers: Layer[], weights: Record<string, Weight[]> = {}, kerasVersion = '3.15.0'): LayersModel {
  return {
    kerasVersion,
    config: { class_name: 'Sequential', config: { name: 'm', layers } },
    weightsOf: (path) => weights[path.join('/')] ?? [],
  };
}

const DENSE = [weight([4, 2]), weight([2])];

function refusal(model: LayersModel): ConversionRefused {
  try {
    convertLayers(model);
  } catch (error) {
    if (error instanceof ConversionRefused) return error;
    throw error;
  }
  throw new Error('it was converted');
}

describe('the signature of a converted model', () => {
  it('is named as Keras 3 exports it', () => {
    const { signature } = convertLayers(sequential([INPUT, dense('d')], { d: DENSE }));
    expect(signature.inputs).toMatchObject([{ name: 'x', dtype: 'FP32', shape: [-1, 4] }]);
    expect(signature.outputs).toMatchObject([{ name: 'output_0', dtype: 'FP32', shape: [-1, 2] }]);
  });

  it('is named as Keras 2 exports it, where the first layer tells the shape', () => {
    const layers = [dense('d', { batch_input_shape: [null, 4] })];
    const { signature } = convertLayers(sequential(layers, { d: DENSE }, '2.15.0'));
    expect([...signature.inputs, ...signature.outputs].map(({ name }) => name)).toEqual(['d_input', 'd']);
  });
});

describe('a model that cannot be converted', () => {
  it.each([
    [
      'a Lambda',
      { class_name: 'Lambda', config: { name: 'f', function: 'twice' } },
      'is a Lambda: it is Python code (twice)',
    ],
    ['a class of a program', { class_name: 'Mine', config: { name: 'f' } }, 'is of the class Mine'],
    [
      'a class of a program that is called like one of Keras',
      { ...dense('f'), module: null, registered_name: 'mine>Dense' },
      'is of the class mine.Dense',
    ],
    [
      'a class of a module that is not Keras',
      { ...dense('f'), module: 'my.layers' },
      'is of the class Dense of my.layers',
    ],
    [
      'an operation',
      { class_name: 'Add', module: 'keras.src.ops.numpy', config: { name: 'f' } },
      'is the operation Add',
    ],
    [
      'an operation, where the file does not tell modules',
      { class_name: 'Add', config: { name: 'f' } },
      'is the operation Add',
    ],
    [
      'a name that every object has',
      { class_name: 'constructor', config: { name: 'f' } },
      'is of the class constructor',
    ],
    ['what changes the meaning of a layer', dense('f', { gated: true }), 'has gated = true in its configuration'],
    [
      'a class of a program that is called like an operation on masks',
      { class_name: 'Any', config: { name: 'f', trainable: true } },
      'is of the class Any',
    ],
    ['an unknown activation', dense('f', { activation: 'mine' }), 'has the activation "mine"'],
  ])('is refused by the path of %s, with the way out', (_, layer, what) => {
    const { layer: path, message } = refusal(sequential([INPUT, layer], { f: DENSE }));
    expect(path).toEqual(['f']);
    expect(message).toContain(what);
    expect(message).toContain('kubectl mdep convert --python');
  });

  it('is refused by the path of a layer of a model within it', () => {
    const inner: Layer = {
      class_name: 'Sequential',
      config: { name: 'inner', layers: [INPUT, { class_name: 'Lambda', config: { name: 'f' } }] },
    };
    expect(refusal(sequential([INPUT, inner])).layer).toEqual(['inner', 'f']);
  });

  it('is refused when its weights are of another shape, are missing, or are more than its layer has', () => {
    const model = (weights: Weight[]) => refusal(sequential([INPUT, dense('d')], { d: weights })).what;
    expect(model([weight([3, 2]), weight([2])])).toBe(
      'has a kernel of shape [3,2] in the file, where [4,2] is expected',
    );
    expect(model([weight([4, 2])])).toBe('has no weights for its bias in the file');
    expect(model([...DENSE, weight([1])])).toBe('has 1 weights more in the file than its configuration needs');
  });
});

describe('masks that Keras 3 writes as operations into a Functional', () => {
  const from = (...names: string[]) =>
    names.map((name) => ({ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }));
  const operation = (class_name: string, name: string, args: unknown[], config: object = {}) => ({
    class_name,
    config: { name, ...config },
    inbound_nodes: [{ args, kwargs: {} }],
  });

  it.each(['keras.src.ops.numpy', undefined])('are converted, of the module %s', (module) => {
    const operations = [
      operation('NotEqual', 'some', [...from('x'), 0]),
      operation('ConvertToTensor', 'given', from('some')),
      operation('LogicalAnd', 'both', from('some', 'given')),
      operation('LogicalOr', 'either', from('both', 'given')),
      operation('ExpandDims', 'wide', from('either'), { axis: -1 }),
      operation('Any', 'last', from('wide'), { axis: [1, -1], keepdims: true }),
      operation('Any', 'first', from('wide'), { axis: 1 }),
    ].map((one) => ({ ...one, ...(module !== undefined && { module }) }));
    const layers = [{ ...INPUT, inbound_nodes: [] }, ...operations];
    const ends = ['either', 'wide', 'last', 'first'].map((name) => [name, 0, 0]);
    const config = { name: 'm', layers, input_layers: [['x', 0, 0]], output_layers: ends };
    const { signature } = convertLayers({
      kerasVersion: '3.15.0',
      config: { class_name: 'Functional', config },
      weightsOf: () => [],
    });
    expect(signature.outputs.map(({ dtype, shape }) => [dtype, shape])).toEqual([
      ['BOOL', [-1, 4]],
      ['BOOL', [-1, 4, 1]],
      ['BOOL', [-1, 1, 1]],
      ['BOOL', [-1, 1]],
    ]);
  });
});
