import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ANNOTATION_ORIGINAL, type ImageManifest, readArchive, SHARED_LAYER_LIMIT } from '@modeldeployment/modelpack';
import { FakeRegistry } from '@modeldeployment/modelpack/testing';
import { writeKerasH5 } from '@modeldeployment/modelpack/testing/keras-files';
import { explain } from './errors.ts';
import { makeProgram, VERSION } from './program.ts';

const DIGITS = fileURLToPath(new URL('../../models/digits/v1/saved_model', import.meta.url));
let folder: string;
let registry: FakeRegistry;
let host: string;
let out: string[];
beforeEach(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'mdep-')), 'model');
  cpSync(DIGITS, folder, { recursive: true });
  registry = new FakeRegistry();
  host = await registry.start();
  out = [];
  jest.spyOn(console, 'log').mockImplementation((text: string) => void out.push(text));
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await registry.stop();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

async function mdep(...args: string[]): Promise<string> {
  out = [];
  await makeProgram().parseAsync(['node', 'kubectl-mdep', ...args]);
  return out.join('\n');
}
const push = (...more: string[]) => mdep('push', folder, `oci://${host}/models/digits:1`, '--plain-http', ...more);
const uploads = () => registry.seen.filter(({ method }) => method === 'POST').length;

describe('kubectl mdep push', () => {
  it('prints what it found, the digest, and a manifest that can be applied', async () => {
    const text = await push();
    expect(text).toContain('SavedModel');
    expect(text).toContain('image FP32[-1, 64] → probabilities FP32[-1, 10]');
    const digest = /^digest {3}(sha256:[0-9a-f]{64})$/m.exec(text)?.[1];
    expect(registry.manifests.has(digest ?? '')).toBe(true);
    expect(text).toContain(`address  oci://${host}/models/digits:1@${digest}`);
    expect(text).toContain(
      `  name: digits\nspec:\n  model:\n    uri: oci://${host}/models/digits:1\n    digest: ${digest}`,
    );
  });

  it('pushes the same folder to the same digest, and sends no blob twice', async () => {
    const first = await push();
    const sent = uploads();
    expect(await push()).toBe(first);
    expect(sent).toBe(2);
    expect(uploads()).toBe(sent);
  });

  it('makes an ordinary image: the configuration names the layers', async () => {
    await push();
    const image = JSON.parse(registry.manifests.get('1')?.bytes.toString() ?? '') as ImageManifest;
    const config = JSON.parse(registry.blobs.get(image.config.digest)?.toString() ?? '') as object;
    expect(config).toMatchObject({
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: image.layers.map(({ digest }) => digest) },
    });
    expect(config).not.toHaveProperty('created');
  });

  it('refuses a folder that is no model, unless told not to look', async () => {
    rmSync(join(folder, 'saved_model.pb'));
    await expect(push()).rejects.toThrow('neither a saved_model.pb nor a model.json');
    expect(registry.seen).toEqual([]);
    expect(await push('--no-check')).toContain('digest   sha256:');
  });

  it('wants a tag to push to', async () => {
    await expect(mdep('push', folder, `oci://${host}/a@sha256:${'a'.repeat(64)}`)).rejects.toThrow('end it with :1');
    await expect(mdep('push', folder, 'pvc://claim/x')).rejects.toThrow('is a volume');
  });
});

describe('a file of Keras', () => {
  const input = { class_name: 'InputLayer', config: { name: 'image', batch_input_shape: [null, 3], dtype: 'float32' } };
  const dense = { class_name: 'Dense', config: { name: 'y', units: 2, activation: 'linear', use_bias: true } };
  const config = { class_name: 'Sequential', config: { name: 's', layers: [input, dense] } };
  let file: string;
  beforeEach(async () => {
    file = join(folder, '../model.h5');
    await writeKerasH5(file, config, { image: {}, y: { 'y/kernel:0': [3, 2], 'y/bias:0': [2] } });
  });
  const layersPushed = () => (JSON.parse(registry.manifests.get('1')?.bytes.toString() ?? '') as ImageManifest).layers;

  it('is pushed as the SavedModel that it is converted to, and kept beside it in a layer of its own', async () => {
    folder = file;
    const first = await push();
    expect(first).toContain('image FP32[-1, 3] → y FP32[-1, 2]');
    expect(await push()).toBe(first);
    expect(layersPushed().map(({ annotations }) => annotations)).toEqual([
      undefined,
      { [ANNOTATION_ORIGINAL]: 'model.h5' },
    ]);
    // A server that does not know the annotation unpacks it too, and nothing lies in the way of anything.
    for (const { digest } of layersPushed()) {
      const names: string[] = [];
      for await (const { path } of readArchive(Readable.from([registry.blobs.get(digest)]), false)) names.push(path);
      expect(names.some((name) => ['saved_model.pb', 'original/model.h5'].includes(name))).toBe(true);
    }
  });

  it('shows the same signature and files as its image, its layers, and what it was made from', async () => {
    folder = file;
    const local = JSON.parse(await mdep('inspect', file, '-o', 'json')) as Record<string, unknown>;
    expect(local['original']).toEqual({
      files: ['model.h5'],
      kerasVersion: '2.15.0',
      layers: [
        { path: 'image', class: 'InputLayer', parameters: 0 },
        { path: 'y', class: 'Dense', parameters: 8 },
      ],
    });
    await push();
    const address = `oci://${host}/models/digits:1`;
    const remote = JSON.parse(await mdep('inspect', address, '--plain-http', '-o', 'json')) as Record<string, unknown>;
    for (const key of ['format', 'signatures', 'operations', 'bytes', 'files']) expect(remote[key]).toEqual(local[key]);
    expect(remote['original']).toEqual({ files: ['model.h5'] });
    expect(await mdep('inspect', file)).toMatch(/converted from model.h5 of Keras 2.15.0[\s\S]* 8 {2}y {2}Dense/);
  });

  it('is converted into a new folder, which is a model itself', async () => {
    const out = join(folder, '../converted');
    expect(await mdep('convert', file, out)).toContain('image FP32[-1, 3] → y FP32[-1, 2]');
    expect(await mdep('inspect', out)).toContain('format   SavedModel\n');
    await expect(mdep('convert', file, out)).rejects.toThrow('name a new folder');
  });
});

describe('kubectl mdep inspect', () => {
  it('tells the same of a folder and of the image made from it', async () => {
    await push();
    const local = JSON.parse(await mdep('inspect', folder, '-o', 'json')) as Record<string, unknown>;
    const address = `oci://${host}/models/digits:1`;
    const remote = JSON.parse(await mdep('inspect', address, '--plain-http', '-o', 'json')) as Record<string, unknown>;
    for (const key of ['format', 'signatures', 'operations', 'bytes', 'files']) expect(remote[key]).toEqual(local[key]);
    expect(remote['layers']).toHaveLength(1);
  });

  it('does not download large weights', async () => {
    writeFileSync(join(folder, 'variables/weights'), '');
    for (let i = 0; i <= SHARED_LAYER_LIMIT; i += 2 ** 20)
      appendFileSync(join(folder, 'variables/weights'), Buffer.alloc(2 ** 20));
    await push();
    // The registry sends the beginning of the large layer only, and never ends: whoever wants more waits for ever.
    registry.faults.push(({ url = '' }, response) => {
      const blob = registry.blobs.get(url.split('/').at(-1) ?? '');
      if (blob === undefined || blob.length < SHARED_LAYER_LIMIT) return false;
      response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 4096));
      return true;
    });
    const report = JSON.parse(
      await mdep('inspect', `oci://${host}/models/digits:1`, '--plain-http', '-o', 'json'),
    ) as object;
    expect(report).toMatchObject({
      files: expect.arrayContaining([{ path: 'variables/weights', size: SHARED_LAYER_LIMIT + 2 ** 20 }]),
    });
  });
});

describe('kubectl mdep', () => {
  it('has the version of its package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(VERSION).toBe(version);
    expect(await mdep('version')).toBe(version);
  });

  it('says what went wrong without a stack, unless the fault is ours', () => {
    expect(explain(Object.assign(new Error('EACCES: x'), { code: 'EACCES' }))).toBe('error: EACCES: x');
    expect(explain(new TypeError('oops'))).toContain('program.test.ts');
  });
});
