import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { groupAt, tensorIn, writeHdf5, writeKerasH5, writeKerasWeights } from '../testing/keras-files.ts';
import { openHdf5 } from './hdf5.ts';
import type { LayersModel } from './layers-model.ts';
import { parsePythonJson } from './python-json.ts';
import { readKerasArchive } from './read-archive.ts';
import { readHdf5Model } from './read-hdf5.ts';
import { readTfjsLayers } from './read-tfjs.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keras-'));
  file = join(folder, 'model.h5');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const layer = (class_name: string, name: string, config: object = {}) => ({ class_name, config: { name, ...config } });
const model = (class_name: string, name: string, layers: object[]) => layer(class_name, name, { layers });
const shapesOf = (of: LayersModel, path: string[]) => of.weightsOf(path).map(({ shape }) => shape);
const malformed = (words: string) => ({ reason: 'ModelMalformed', message: expect.stringContaining(words) });

describe('an .h5', () => {
  const block = model('Sequential', 'block', [
    layer('Dense', 'one'),
    layer('BatchNormalization', 'norm'),
    layer('Dense', 'two'),
  ]);
  const config = model('Functional', 'm', [layer('InputLayer', 'x'), block, layer('Dense', 'out')]);
  const weights = {
    x: {},
    block: {
      'block/one/kernel:0': [4, 3],
      'block/norm/gamma:0': [3],
      'block/norm/beta:0': [3],
      'block/two/kernel:0': [3, 2],
      'block/norm/moving_mean:0': [3],
      'block/norm/moving_variance:0': [3],
    },
    out: { 'out/kernel:0': [2, 1], 'out/bias:0': [1] },
  };

  it('tells the weights of each layer in their order, also those of a model within the model', async () => {
    await writeKerasH5(file, config, weights);
    const { model: read, close } = await readHdf5Model(file);
    expect(read.config).toEqual(config);
    expect(read.kerasVersion).toBe('2.15.0');
    expect(shapesOf(read, ['out'])).toEqual([[2, 1], [1]]);
    expect(shapesOf(read, ['block', 'norm'])).toEqual([[3], [3], [3], [3]]);
    expect(read.weightsOf(['block', 'norm']).map(({ path }) => path.split('/').at(-1))).toEqual([
      'gamma:0',
      'beta:0',
      'moving_mean:0',
      'moving_variance:0',
    ]);
    expect(shapesOf(read, ['block', 'two'])).toEqual([[3, 2]]);
    expect(shapesOf(read, ['x'])).toEqual([]);
    expect(shapesOf(read, ['nobody'])).toEqual([]);
    const [kernel] = read.weightsOf(['out']);
    expect(kernel?.dtype).toBe('float32');
    expect(Buffer.from(kernel?.read() ?? []).readFloatLE(4)).toBe(1);
    close();
  });

  it('tells layers of the same name apart by the models around them', async () => {
    const leaf = model('Sequential', 'leaf', [layer('Dense', 'd')]);
    const mid = model('Functional', 'mid', [leaf, layer('Dense', 'd')]);
    const named = { 'mid/leaf/d/kernel': [1], 'mid/d/kernel': [2] };
    await writeKerasH5(file, model('Functional', 'm', [mid]), { mid: named }, '3.5.0');
    const { model: read, close } = await readHdf5Model(file);
    expect(shapesOf(read, ['mid', 'd'])).toEqual([[2]]);
    expect(shapesOf(read, ['mid', 'leaf', 'd'])).toEqual([[1]]);
    close();
  });

  it('may have names with umlauts, though it says that they are ASCII', async () => {
    await writeHdf5(file, (h5) => {
      h5.create_attribute('model_config', JSON.stringify(model('Sequential', 's', [layer('Dense', 'größe')])));
      const root = h5.create_group('model_weights');
      // The library writes a text of one length as ASCII, byte by byte.
      root.create_attribute('layer_names', ['größe'], null, 'S7');
      const group = groupAt(root, 'größe');
      group.create_attribute('weight_names', ['größe/kernel'], null, 'S14');
      tensorIn(groupAt(group, 'größe'), 'kernel', [3]);
    });
    const { model: read, close } = await readHdf5Model(file);
    expect(shapesOf(read, ['größe'])).toEqual([[3]]);
    close();
  });

  it('may have so many names that their list is kept in parts', async () => {
    await writeHdf5(file, (h5) => {
      h5.create_attribute('model_config', JSON.stringify(model('Sequential', 's', [layer('Dense', 'a')])));
      const root = h5.create_group('model_weights');
      root.create_attribute('layer_names0', ['a']);
      const a = groupAt(root, 'a');
      a.create_attribute('weight_names0', ['kernel']);
      a.create_attribute('weight_names1', ['bias']);
      tensorIn(a, 'kernel', [2, 2]);
      tensorIn(a, 'bias', [2]);
    });
    const { model: read, close } = await readHdf5Model(file);
    expect(shapesOf(read, ['a'])).toEqual([[2, 2], [2]]);
    close();
  });

  it('of weights alone is told from a model, with the way out', async () => {
    await writeKerasH5(file, undefined, { a: { kernel: [1] } });
    await expect(readHdf5Model(file)).rejects.toMatchObject(malformed('model.save("model.keras")'));
  });

  it('that is cut short at any place is refused, or read whole', async () => {
    await writeKerasH5(file, config, weights);
    const bytes = readFileSync(file);
    for (let length = 600; length < bytes.length; length += 997) {
      writeFileSync(file, bytes.subarray(0, length));
      const reading = readHdf5Model(file).then(({ model: read, close }) => {
        try {
          return read.weightsOf(['out']).map((weight) => weight.read().length);
        } finally {
          close();
        }
      });
      await expect(reading).rejects.toMatchObject(malformed('cut short'));
    }
  });

  it('leads to no other file', async () => {
    await writeHdf5(join(folder, 'other.h5'), (h5) => tensorIn(h5, 'secret', [3]));
    await writeHdf5(file, (h5) => {
      h5.create_external_link(join(folder, 'other.h5'), '/secret', 'link');
    });
    const opened = await openHdf5(file);
    expect(opened.tensor('link')).toBeUndefined();
    expect(opened.tensors).toEqual([]);
    opened.close();
  });
});

describe('a .keras archive', () => {
  const archive = async (config: unknown, weights: Record<string, number[]>): Promise<LayersModel> => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'metadata.json'), '{"keras_version": "3.5.0"}');
    await writeKerasWeights(join(folder, 'model.weights.h5'), weights);
    const { model: read, close } = await readKerasArchive('m.keras', folder);
    close();
    return read;
  };
  const open = async (config: unknown, weights: Record<string, number[]>, paths: string[][]) => {
    await archive(config, weights);
    const { model: read, close } = await readKerasArchive('m.keras', folder);
    const found = paths.map((path) => shapesOf(read, path));
    close();
    return found;
  };

  it('counts layers by their class, whatever their names are', async () => {
    const inner = model('Sequential', 'block', [layer('Dense', 'd9'), layer('Dense', 'd8')]);
    const add = { ...layer('Add', 'op'), module: 'keras.src.ops.numpy' };
    const config = model('Functional', 'm', [
      layer('InputLayer', 'x'),
      layer('Dense', 'z'),
      add,
      inner,
      layer('Dense', 'a'),
    ]);
    const weights = {
      'layers/dense/vars/0': [1],
      'layers/dense_1/vars/0': [2],
      'layers/sequential/layers/dense/vars/0': [3],
      'layers/sequential/layers/dense_1/vars/0': [4],
    };
    const paths = [['z'], ['a'], ['block', 'd9'], ['block', 'd8'], ['block']];
    expect(await open(config, weights, paths)).toEqual([[[1]], [[2]], [[3]], [[4]], [[3], [4]]]);
  });

  it('of Keras 2 counts a layer that has weights twice', async () => {
    const config = model('Sequential', 'm', [layer('Dense', 'a'), layer('Dropout', 'n'), layer('Dense', 'b')]);
    const weights = {
      '_layer_checkpoint_dependencies/dense/vars/0': [1],
      '_layer_checkpoint_dependencies/dense_2/vars/0': [2],
    };
    expect(await open(config, weights, [['a'], ['b']])).toEqual([[[1]], [[2]]]);
  });

  it('that Windows wrote has backslashes in the names of its groups', async () => {
    const config = model('Sequential', 'm', [layer('Dense', 'a')]);
    await archive(config, {});
    await writeHdf5(join(folder, 'model.weights.h5'), (h5) =>
      tensorIn(h5.create_group('layers\\dense').create_group('vars'), '0', [7]),
    );
    const { model: read, close } = await readKerasArchive('m.keras', folder);
    expect(shapesOf(read, ['a'])).toEqual([[7]]);
    close();
  });

  it('gives the weights inside of a layer in the order in which Keras makes them', async () => {
    const lstm = layer('LSTM', 'l');
    const bidirectional = layer('Bidirectional', 'both', { layer: lstm });
    const config = model('Functional', 'm', [bidirectional, layer('MultiHeadAttention', 'mha')]);
    const weights = {
      'layers/bidirectional/backward_layer/cell/vars/0': [2],
      'layers/bidirectional/forward_layer/cell/vars/0': [1],
      'layers/bidirectional/forward_layer/cell/vars/10': [11],
      'layers/bidirectional/forward_layer/cell/vars/9': [10],
      'layers/multi_head_attention/key_dense/vars/0': [4],
      'layers/multi_head_attention/query_dense/vars/0': [3],
      'layers/multi_head_attention/output_dense/vars/0': [6],
      'layers/multi_head_attention/value_dense/vars/0': [5],
      'layers/multi_head_attention/_dropout_layer/seed_generator/vars/0': [9],
    };
    expect(await open(config, weights, [['both'], ['mha']])).toEqual([
      [[1], [10], [11], [2]],
      [[3], [4], [5], [6]],
    ]);
  });

  it('gives the cells of a stack in the order of its configuration, also those of a class that comes twice', async () => {
    const cells = ['LSTMCell', 'GRUCell', 'SimpleRNNCell', 'GRUCell'].map((name, i) => layer(name, `cell${i}`));
    const rnn = layer('RNN', 'rnn', { cell: layer('StackedRNNCells', 'stack', { cells }) });
    const config = model('Functional', 'm', [rnn, layer('Bidirectional', 'both', { layer: rnn })]);
    const stack = (path: string, from: number) => ({
      [`${path}/cell/cells/gru_cell/vars/0`]: [from + 2],
      [`${path}/cell/cells/gru_cell_1/vars/0`]: [from + 4],
      [`${path}/cell/cells/lstm_cell/vars/0`]: [from + 1],
      [`${path}/cell/cells/simple_rnn_cell/vars/0`]: [from + 3],
    });
    const weights = {
      ...stack('layers/rnn', 0),
      ...stack('layers/bidirectional/backward_layer', 20),
      ...stack('layers/bidirectional/forward_layer', 10),
    };
    expect(await open(config, weights, [['rnn'], ['both']])).toEqual([
      [[1], [2], [3], [4]],
      [[11], [12], [13], [14], [21], [22], [23], [24]],
    ]);
  });

  it('finds the weights of a class that Keras calls otherwise in paths than in configurations', async () => {
    const config = model('Functional', 'm', [layer('GroupQueryAttention', 'gqa')]);
    const weights = {
      'layers/grouped_query_attention/_key_dense/vars/0': [2],
      'layers/grouped_query_attention/_output_dense/vars/0': [4],
      'layers/grouped_query_attention/_query_dense/vars/0': [1],
      'layers/grouped_query_attention/_value_dense/vars/0': [3],
    };
    expect(await open(config, weights, [['gqa']])).toEqual([[[1], [2], [3], [4]]]);
  });

  it('keeps the vocabulary of a lookup beside its configuration', async () => {
    const lookup = layer('StringLookup', 'words', { vocabulary: null });
    const config = model('Functional', 'm', [lookup, layer('IntegerLookup', 'ids')]);
    const { mkdirSync } = await import('node:fs');
    for (const [name, words] of [
      ['string_lookup', 'red\ngreen'],
      ['integer_lookup', '3\n-1'],
    ] as const) {
      mkdirSync(join(folder, 'assets/layers', name), { recursive: true });
      writeFileSync(join(folder, 'assets/layers', name, 'vocabulary.txt'), words);
    }
    const { config: read } = await archive(config, { 'layers/dense/vars/0': [1] });
    const layers = (read.config as { layers: { config: { vocabulary: unknown } }[] }).layers;
    expect(layers.map((one) => one.config.vocabulary)).toEqual([
      ['red', 'green'],
      [3, -1],
    ]);
  });
});

describe('a layers model of TensorFlow.js', () => {
  it('calls weights by their layer alone, also in a model within the model', async () => {
    const names = ['a/kernel', 'b/kernel', 'block/c/kernel'];
    const weights = names.map((name, i) => ({ name, shape: [i], dtype: 'float32' }));
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(12));
    const modelTopology = { class_name: 'Sequential', config: { layers: [] } };
    const read = await readTfjsLayers(folder, { modelTopology, weightsManifest: [{ paths: ['w.bin'], weights }] });
    const paths = [['block', 'a'], ['outer', 'block', 'b'], ['block', 'c'], ['c'], ['block'], ['kernel']];
    expect(paths.map((path) => shapesOf(read, path))).toEqual([[[0]], [[1]], [[2]], [[2]], [[2]], []]);
  });

  it('gives its weights by the names of the layers, and restores quantised ones', async () => {
    const dense = layer('Dense', 'dense_Dense1');
    const json = {
      modelTopology: { class_name: 'Sequential', config: { name: 's', layers: [dense] } },
      weightsManifest: [
        {
          paths: ['./model.weights.bin'],
          weights: [
            {
              name: 'dense_Dense1/kernel',
              shape: [2],
              dtype: 'float32',
              quantization: { dtype: 'uint8', scale: 0.5, min: -1 },
            },
            { name: 'dense_Dense1/bias', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } },
          ],
        },
      ],
    };
    writeFileSync(join(folder, 'model.weights.bin'), Buffer.from([0, 255, 0x00, 0x3c, 0x00, 0xc5]));
    const read = await readTfjsLayers(folder, json);
    const values = read.weightsOf(['dense_Dense1']).map((weight) => [...new Float32Array(weight.read().buffer)]);
    expect(values).toEqual([
      [-1, 126.5],
      [1, -5],
    ]);
  });
});

it('the JSON of Python may hold NaN and Infinity, and texts that look so', () => {
  expect(parsePythonJson('{"a": NaN, "b": -Infinity, "c": "NaN, \\"Infinity"}')).toEqual({
    a: null,
    b: -Infinity,
    c: 'NaN, "Infinity',
  });
});
