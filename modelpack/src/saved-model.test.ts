import { mkdirSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import { checkComplete, describeModel } from './describe.ts';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'saved-model-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `node` is the name in the graph, which the converter changes. */
const digits = (image: string, probabilities: string, more: object = {}) => ({
  inputs: [{ name: 'image', dtype: 'FP32', shape: [-1, 64], node: image }],
  outputs: [{ name: 'probabilities', dtype: 'FP32', shape: [-1, 10], node: probabilities }],
  ...more,
});
const SAVED = digits('serving_default_image:0', 'StatefulPartitionedCall:0', { method: 'tensorflow/serving/predict' });
const CONVERTED = digits('image:0', 'Identity:0');

describe('the demo models', () => {
  it.each([
    ['v1/saved_model', SAVED],
    ['v2/saved_model', SAVED],
    ['v1/tfjs', CONVERTED],
    ['v2/tfjs', CONVERTED],
  ])('digits/%s tells its signature', async (model, signature) => {
    const info = await describeModel(join(MODELS, 'digits', model));
    expect(info.signatures['serving_default']).toEqual(signature);
    expect(info.operations).toContain(info.format === 'SavedModel' ? 'MatMul' : 'Softmax');
    await checkComplete(join(MODELS, 'digits', model), info);
  });

  it('a layers model tells its inputs and the names of its outputs', async () => {
    const info = await describeModel(join(MODELS, 'digits/v1/tfjs_layers'));
    expect(info).toMatchObject({
      format: 'TFJSLayers',
      signatures: {
        serving_default: {
          inputs: [{ name: 'image', dtype: 'FP32', shape: [-1, 64] }],
          outputs: [{ name: 'probabilities' }],
        },
      },
    });
  });

  it('operations are found also inside of functions', async () => {
    expect((await describeModel(join(MODELS, 'broken/refused-op'))).operations).toContain('ReadFile');
    expect((await describeModel(join(MODELS, 'broken/crash-on-warmup'))).operations).not.toContain('ReadFile');
  });
});

describe('a saved_model.pb', () => {
  it('cannot hide operations in a field that occurs twice: TensorFlow would merge both', async () => {
    // A graph with one ReadFile node is put before the honest graph of the same MetaGraph.
    const node = protobuf.Writer.create().uint32(0x12).string('ReadFile').finish();
    const graph = protobuf.Writer.create().uint32(0x0a).bytes(node).finish();
    const hidden = protobuf.Writer.create().uint32(0x12).bytes(graph).finish();
    const honest = readFileSync(join(MODELS, 'digits/v1/saved_model/saved_model.pb'));
    const reader = protobuf.Reader.create(honest);
    const whole = protobuf.Writer.create();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 0x12) whole.uint32(tag).bytes(Buffer.concat([hidden, reader.bytes()]));
      else whole.uint32(tag).int64(reader.int64());
    }
    writeFileSync(join(folder, 'saved_model.pb'), whole.finish());
    const info = await describeModel(folder);
    expect(info.signatures['serving_default']).toEqual(SAVED);
    expect(info.operations).toEqual(expect.arrayContaining(['ReadFile', 'MatMul']));
  });

  it.each(['saved_model.cpb', 'saved_model.pbtxt'])('beside a %s is refused', async (rival) => {
    copyFileSync(join(MODELS, 'digits/v1/saved_model/saved_model.pb'), join(folder, 'saved_model.pb'));
    writeFileSync(join(folder, rival), '');
    await expect(describeModel(folder)).rejects.toMatchObject({
      reason: 'ModelMalformed',
      message: expect.stringContaining(rival),
    });
  });

  it('that is cut off is refused', async () => {
    const bytes = readFileSync(join(MODELS, 'digits/v1/saved_model/saved_model.pb'));
    writeFileSync(join(folder, 'saved_model.pb'), bytes.subarray(0, 20_000));
    await expect(describeModel(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });
});

describe('a model.json', () => {
  const write = (model: unknown): void => writeFileSync(join(folder, 'model.json'), JSON.stringify(model));

  it.each([
    ['an index', ['variables.index'], '0 of 1'],
    ['one of two', ['variables.index', 'variables.data-00001-of-00002'], '1 of 2'],
  ])('or a SavedModel of whose weights there is only %s is not complete', async (_what, names, words) => {
    mkdirSync(join(folder, 'variables'));
    for (const name of names) writeFileSync(join(folder, 'variables', name), 'x');
    await expect(checkComplete(folder, { format: 'SavedModel' })).rejects.toMatchObject({
      reason: 'ModelMalformed',
      message: expect.stringContaining(words),
    });
  });

  it('whose weights are missing is not complete', async () => {
    copyFileSync(join(MODELS, 'digits/v1/tfjs/model.json'), join(folder, 'model.json'));
    const info = await describeModel(folder);
    await expect(checkComplete(folder, info)).rejects.toMatchObject({
      reason: 'ModelMalformed',
      message: expect.stringContaining('group1-shard1of1.bin'),
    });
  });

  it.each([
    { format: 'graph-model', signature: { inputs: { x: { dtype: 'constructor' } }, outputs: {} } },
    { format: 'graph-model', signature: { inputs: { x: null }, outputs: {} } },
    { format: 'graph-model', weightsManifest: 7 },
    { format: 'layers-model', modelTopology: { model_config: { config: { layers: [{}] } } } },
    [],
    null,
  ])('%j is refused as malformed', async (model) => {
    write(model);
    await expect(describeModel(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('with a tensor of any rank shows it as a list', async () => {
    const tensor = { name: 'x:0', dtype: 'DT_INT64', tensorShape: { unknownRank: true } };
    write({ modelTopology: { node: [] }, signature: { inputs: { x: tensor }, outputs: { y: tensor } } });
    expect((await describeModel(folder)).signatures['serving_default']?.inputs).toEqual([
      { name: 'x', dtype: 'INT64', shape: [-1], unknownRank: true, node: 'x:0' },
    ]);
  });
});
