import { describe, expect, it } from '@jest/globals';
import { describeLayers, forTensorflowJs } from './tfjs-layers.ts';
import type { LayersConfig, ModelJson } from './tfjs-model.ts';

const POLICY = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'mixed_float16' }, registered_name: null };
const tensorOf = (layer: string) => ({ class_name: '__keras_tensor__', config: { keras_history: [layer, 0, 0] } });
const dense = (name: string, config: object = {}) => ({
  class_name: 'Dense',
  config: {
    name,
    dtype: POLICY,
    units: 2,
    kernel_initializer: { class_name: 'New' },
    kernel_regularizer: {},
    ...config,
  },
});
const saved = (config: unknown, names: readonly string[] = [], version = '3.8.0'): ModelJson => ({
  modelTopology: { keras_version: version, model_config: config as LayersConfig },
  weightsManifest: [{ paths: ['w.bin'], weights: names.map((name) => ({ name, dtype: 'float32', shape: [1] })) }],
});
const INPUT = { class_name: 'InputLayer', config: { name: 'in', batch_shape: [null, 3], dtype: 'float32' } };
const configOf = (model: ModelJson) => forTensorflowJs(model).modelTopology?.model_config;
const weightsOf = (model: ModelJson) =>
  forTensorflowJs(model).weightsManifest?.flatMap(({ weights = [] }) => weights.map(({ name }) => name));

describe('a model of Keras 3 is told to TensorFlow.js in the words of Keras 2', () => {
  const sequential = { class_name: 'Sequential', config: { name: 'sequential', layers: [INPUT, dense('y')] } };

  it('shapes and types of layers, without what only training needs', () => {
    expect(configOf(saved(sequential))).toEqual({
      class_name: 'Sequential',
      config: {
        name: 'sequential',
        layers: [
          { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, 3], dtype: 'float32' } },
          { class_name: 'Dense', config: { name: 'y', dtype: 'float32', units: 2 } },
        ],
      },
    });
  });

  it('the shape that a model without an input layer was built for', () => {
    const built = { class_name: 'Sequential', config: { build_input_shape: [null, 5], layers: [dense('y')] } };
    expect(describeLayers(saved(built)).signatures['serving_default']?.inputs).toEqual([
      { name: 'y', dtype: 'FP32', shape: [-1, 5] },
    ]);
  });

  it('calls of layers, with their tensors in order and other arguments by name', () => {
    const add = {
      class_name: 'Add',
      name: 'sum',
      config: { name: 'sum' },
      inbound_nodes: [{ args: [[tensorOf('in'), tensorOf('y')]], kwargs: { training: false, mask: null } }],
    };
    const layers = [INPUT, dense('y'), add];
    const model = {
      class_name: 'Functional',
      config: { layers, input_layers: ['in', 0, 0], output_layers: ['sum', 0, 0] },
    };
    expect(configOf(saved(model))).toMatchObject({
      config: {
        layers: [
          {},
          {},
          {
            inbound_nodes: [
              [
                ['in', 0, 0, { training: false }],
                ['y', 0, 0, { training: false }],
              ],
            ],
          },
        ],
        input_layers: [['in', 0, 0]],
        output_layers: [['sum', 0, 0]],
      },
    });
    const { inputs, outputs } = describeLayers(saved(model)).signatures['serving_default'] ?? {};
    expect([inputs?.[0]?.name, inputs?.[0]?.shape, outputs?.[0]?.name]).toEqual(['in', [-1, 3], 'sum']);
  });

  it('weights by the name of their own layer, whichever models are around it', () => {
    expect(weightsOf(saved(sequential, ['sequential/y/kernel', 'y/bias']))).toEqual(['y/kernel', 'y/bias']);
    const outer = { class_name: 'Sequential', config: { name: 'outer', layers: [sequential] } };
    expect(weightsOf(saved(outer, ['outer/sequential/y/kernel']))).toEqual(['y/kernel']);
  });

  it('but not where TensorFlow.js would compute something else', () => {
    const sigmoid = (version: string) =>
      configOf(
        saved(
          { class_name: 'Sequential', config: { layers: [dense('y', { activation: 'hard_sigmoid' })] } },
          [],
          version,
        ),
      );
    expect(() => sigmoid('3.8.0')).toThrow(/hard_sigmoid of Keras 3/);
    expect(() => sigmoid('2.15.0')).not.toThrow();
    const relu = (config: object) =>
      configOf(
        saved({ class_name: 'Sequential', config: { layers: [dense('y', {}), { class_name: 'ReLU', config }] } }, []),
      );
    expect(() => relu({ name: 'r', max_value: 6, negative_slope: 0.1, threshold: 0 })).toThrow(/has negative_slope/);
    expect(() => relu({ name: 'r', max_value: 6, negative_slope: 0, threshold: 0 })).not.toThrow();
  });
});

it('a model within a model takes what its first layer takes', () => {
  const inner = dense('y', { batch_input_shape: [null, 7], dtype: 'int32' });
  const outer = {
    class_name: 'Sequential',
    config: [{ class_name: 'Sequential', config: { name: 'inner', layers: [inner] } }],
  };
  const { inputs, outputs } = describeLayers(saved(outer, [], '2.15.0')).signatures['serving_default'] ?? {};
  expect(inputs).toEqual([{ name: 'inner', dtype: 'INT32', shape: [-1, 7] }]);
  expect(outputs?.[0]?.name).toBe('inner');
});
