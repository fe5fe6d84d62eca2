import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeModel } from '../describe.ts';
import { treeDigest } from '../files.ts';
import { writeKerasH5, writeKerasWeights, writeZip } from '../testing/keras-files.ts';
import { prepareModel } from './prepare.ts';

const DIGITS = fileURLToPath(new URL('../../../models/digits/v1/saved_model', import.meta.url));
let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
const put = (path: string, content: string | Buffer): string => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
  return at(path);
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prepare-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const input = { class_name: 'InputLayer', config: { name: 'image', batch_input_shape: [null, 3], dtype: 'float32' } };
const dense = {
  class_name: 'Dense',
  config: { name: 'y', units: 2, activation: 'linear', use_bias: true, dtype: 'float32' },
};
const CONFIG = { class_name: 'Sequential', config: { name: 's', layers: [input, dense] } };
const WEIGHTS = { image: {}, y: { 'y/kernel:0': [3, 2], 'y/bias:0': [2] } };
const specs = [
  { name: 'y/kernel', shape: [3, 2], dtype: 'float32' },
  { name: 'y/bias', shape: [2], dtype: 'float32' },
];
const TFJS = {
  modelTopology: { ...CONFIG, keras_version: '2.15.0' },
  weightsManifest: [{ paths: ['./w.bin'], weights: specs }],
};
const VALUES = Buffer.from(Float32Array.from([0, 1, 2, 3, 4, 5, 0, 1]).buffer);

/** Digest and signature of what is served. */
async function served(path: string) {
  const { folder: prepared, original, close } = await prepareModel(path);
  const { format, signatures } = await describeModel(prepared);
  const { digest } = await treeDigest(prepared);
  await close();
  return { digest, format, original: original?.paths, signature: signatures['serving_default'] };
}

async function archive(path: string): Promise<string> {
  await writeKerasWeights(at('w.h5'), { 'layers/dense/vars/0': [3, 2], 'layers/dense/vars/1': [2] });
  await writeZip(path, {
    'metadata.json': '{"keras_version": "2.15.0"}',
    'config.json': JSON.stringify(CONFIG),
    'model.weights.h5': readFileSync(at('w.h5')),
  });
  return path;
}

describe('a model of layers', () => {
  it('is the same SavedModel in whichever file it lies, and whatever the file is called', async () => {
    await writeKerasH5(at('model.h5'), CONFIG, WEIGHTS);
    const first = await served(at('model.h5'));
    expect(first).toMatchObject({
      format: 'SavedModel',
      original: ['model.h5'],
      signature: {
        inputs: [{ name: 'image', dtype: 'FP32', shape: [-1, 3] }],
        outputs: [{ dtype: 'FP32', shape: [-1, 2] }],
      },
    });
    cpSync(at('model.h5'), at('model.keras'));
    cpSync(await archive(at('archive.keras')), at('archive.h5'));
    put('browser/my model.json', JSON.stringify(TFJS));
    put('browser/w.bin', VALUES);
    for (const path of ['model.keras', 'archive.keras', 'archive.h5', 'browser', 'browser/my model.json'])
      expect((await served(at(path))).digest).toBe(first.digest);
    mkdirSync(at('alone'));
    cpSync(at('model.h5'), at('alone/some.h5'));
    put('alone/notes.txt', 'mine');
    expect(await served(at('alone'))).toMatchObject({ digest: first.digest, original: ['some.h5'] });
    expect((await served(at('browser'))).original).toEqual(['my model.json', 'w.bin']);
  });

  it('leaves nothing behind, converted or refused', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('mdep-model-'));
    const before = left();
    await archive(at('model.keras'));
    await served(at('model.keras'));
    await expect(prepareModel(put('x', 'nothing'))).rejects.toThrow();
    expect(left()).toEqual(before);
  });

  it('with a layer that is code is refused by the path of the layer', async () => {
    const lambda = { class_name: 'Lambda', config: { name: 'code', function: ['x'] } };
    const inner = { class_name: 'Sequential', config: { name: 'block', layers: [input, lambda] } };
    await writeKerasH5(
      at('model.h5'),
      { ...CONFIG, config: { name: 's', layers: [input, inner] } },
      { image: {}, block: {} },
    );
    await expect(prepareModel(at('model.h5'))).rejects.toMatchObject({
      reason: 'ModelRefused',
      message: expect.stringMatching(/block\/code.*--python/),
    });
  });

  it('of TensorFlow.js that cannot be converted is served as it is, and says why', async () => {
    const recurrent = { class_name: 'ConvLSTM2DCell', config: { name: 'cell' } };
    put(
      'model.json',
      JSON.stringify({ ...TFJS, modelTopology: { class_name: 'Sequential', config: { layers: [input, recurrent] } } }),
    );
    put('w.bin', VALUES);
    const { folder: prepared, note, original, close } = await prepareModel(folder);
    expect({ prepared, original }).toEqual({ prepared: folder, original: undefined });
    expect(note).toContain('cell');
    await close();
  });
});

describe('a graph', () => {
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } },
    { name: 'y', op: 'Relu', input: ['x'], attr: {} },
  ];
  const json = JSON.stringify({ format: 'graph-model', modelTopology: { node }, weightsManifest: [] });

  it('of TensorFlow.js is found under another name, which it loses', async () => {
    put('other.json', '{"tfjs": false}');
    put('graph.json', json);
    expect(await served(at('graph.json'))).toMatchObject({ format: 'TFJSGraph', original: undefined });
    const { folder: prepared, close } = await prepareModel(folder);
    expect(existsSync(join(prepared, 'model.json'))).toBe(true);
    await close();
  });

  it('in one of several files is asked for', async () => {
    put('a.json', json);
    put('b.json', json);
    await expect(prepareModel(folder)).rejects.toThrow('several models (a.json, b.json); name the one');
  });

  it('in a SavedModel is taken from its folder, its file or a zip', async () => {
    const before = (await treeDigest(DIGITS)).digest;
    const files = [
      'saved_model.pb',
      'variables/variables.index',
      'variables/variables.data-00000-of-00001',
      'fingerprint.pb',
    ];
    const there = files.filter((path) => existsSync(join(DIGITS, path)));
    const entries = there.map((path) => [`export/1/${path}`, readFileSync(join(DIGITS, path))] as const);
    await writeZip(at('model.zip'), { ...Object.fromEntries(entries), '__MACOSX/export/._1': 'x' });
    for (const path of [DIGITS, join(DIGITS, 'saved_model.pb'), at('model.zip')])
      expect(await served(path)).toMatchObject({ digest: before, format: 'SavedModel' });
  });
});

describe('what is no model that can be served is told, with the way out', () => {
  it.each([
    [
      'a pointer of Git LFS',
      'model.h5',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n',
      'git lfs pull',
    ],
    ['a page', 'model.keras', '<!DOCTYPE html><html></html>', 'download the file itself'],
    ['an empty file', 'model.h5', '', 'is empty'],
    ['a pickle', 'model.h5', Buffer.from('8004950a', 'hex'), 'pickle'],
    ['ONNX', 'model.h5', Buffer.from('\x08\x07\x12\x07pytorch\x1a\x051.0.0', 'latin1'), 'onnx2tf'],
    ['TensorFlow Lite', 'model.h5', Buffer.from('\x1c\0\0\0TFL3\0\0', 'latin1'), 'TensorFlow Lite'],
    ['an archive', 'model.tar.gz', Buffer.from('1f8b0800', 'hex'), 'unpack it'],
    ['arrays of NumPy', 'w.npy', Buffer.from('\x93NUMPY\x01\0', 'latin1'), 'set_weights'],
    ['a configuration', 'model.json', JSON.stringify({ ...CONFIG, keras_version: '2.15.0' }), 'holds no weights'],
    ['anything else', 'model.h5', 'once upon a time', 'no model that is known'],
  ])('%s', async (_what, name, content, words) => {
    const refused = { reason: 'ModelMalformed', message: expect.stringContaining(words) };
    await expect(prepareModel(put(name, content))).rejects.toMatchObject(refused);
  });

  it.each([
    ['PyTorch', { 'archive/data.pkl': 'x', 'archive/version': '3' }, 'model of PyTorch'],
    ['NumPy', { 'a.npy': 'x' }, 'arrays of NumPy'],
    ['others', { 'readme.txt': 'x' }, 'without a model'],
    ['a path that leads out', { 'a/../../saved_model.pb': 'x' }, 'cannot be unpacked'],
  ])('a zip of %s', async (_what, files, words) => {
    await writeZip(
      at('m.zip'),
      Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replaceAll('..', 'zz'), text])),
    );
    // The writer does not write such names.
    const bytes = readFileSync(at('m.zip')).toString('latin1').replaceAll('zz', '..');
    await expect(prepareModel(put('m.zip', Buffer.from(bytes, 'latin1')))).rejects.toThrow(words);
  });

  it('to_json of a model, put where its model.json should be', async () => {
    put('model.json', JSON.stringify({ modelTopology: CONFIG, format: 'layers-model' }));
    await expect(prepareModel(folder)).rejects.toThrow('holds no weights');
  });

  it.each([
    ['a shard that is cut short', VALUES.subarray(0, 20), 'cut short'],
    [
      'a shard that is a pointer of Git LFS',
      Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
      'git lfs pull',
    ],
  ])('%s', async (_what, bytes, words) => {
    put('model.json', JSON.stringify(TFJS));
    put('w.bin', bytes);
    await expect(prepareModel(folder)).rejects.toThrow(words);
  });

  it('a folder and a file that are not there', async () => {
    await expect(prepareModel(at('none'))).rejects.toMatchObject({ reason: 'ModelNotFound' });
    await expect(prepareModel(folder)).rejects.toThrow('neither a saved_model.pb nor a model.json');
  });
});
