import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Judgement, ServedModel, Signature } from '../model/types.ts';
import { ForwardableRequest, type HttpQuestion } from './forwardable-request.ts';
import { samples } from './replay-samples.ts';

const MODEL: ServedModel = {
  name: 'a b',
  version: '1',
  format: 'SavedModel',
  engine: 'cpu',
  engineReason: 'it was asked for',
  signatures: new Map([
    [
      'serving_default',
      {
        inputs: [
          { name: 'x', dtype: 'FP32', shape: [-1, 2] },
          { name: 'text', dtype: 'BYTES', shape: [-1] },
        ],
        outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
      },
    ],
  ]),
  defaultSignature: 'serving_default',
};
const V1 = { instances: [{ x: [1, 2], text: 'a' }] };
const V2 = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
    { name: 'text', datatype: 'BYTES', shape: [1], data: ['a'] },
  ],
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samples-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function read(effects: readonly string[] = [], model = MODEL) {
  const target: HttpQuestion[] = [];
  const judgement = (name: string): Judgement => ({ effects: effects.includes(name), rows: { rows: 'unknown' } });
  const judged = new Map([...model.signatures.keys()].map((name) => [name, judgement(name)]));
  const found = await samples({ model, directory: folder, judged }, (question) => {
    target.push(question);
    return new ForwardableRequest(question, { revision: '1', trial: { mark: '' } }, () =>
      Promise.reject(new Error('is not asked')),
    );
  });
  return found.map(({ expected }, i) => ({
    url: target[i]?.url,
    body: JSON.parse(Buffer.concat(target[i]?.body.chunks ?? []).toString()) as unknown,
    expected,
  }));
}

describe('what can be replayed without any client', () => {
  it('are golden requests with their answers, then warm-up requests, in either protocol', async () => {
    const outputs = [{ name: 'y', data: [3] }];
    const golden = {
      tolerance: 0.1,
      requests: [
        { ...V2, outputs },
        { ...V1, outputs, tolerance: 0.2 },
      ],
    };
    await writeFile(join(folder, 'golden.json'), JSON.stringify(golden));
    await writeFile(join(folder, 'warmup.json'), JSON.stringify({ requests: [V2] }));
    const within = (both: number) => ({ absolute: both, relative: both });
    expect(await read()).toEqual([
      {
        url: '/v2/models/a%20b/infer',
        body: V2,
        expected: { outputs: [{ name: 'y', values: [3] }], tolerance: within(0.1) },
      },
      {
        url: '/v1/models/a%20b:predict',
        body: V1,
        expected: { outputs: [{ name: 'predictions', values: [3] }], tolerance: within(0.2) },
      },
      { url: '/v2/models/a%20b/infer', body: V2, expected: undefined },
    ]);
  });

  it('are zeros where the folder has none', async () => {
    const inputs = { x: [[0, 0]], text: [''] };
    expect(await read()).toEqual([
      { url: '/v1/models/a%20b:predict', body: { signature_name: 'serving_default', inputs }, expected: undefined },
    ]);
  });

  it('are none by a signature that changes what later requests are answered, whoever wrote them', async () => {
    const [[, signature]] = [...MODEL.signatures] as [[string, Signature]];
    const model = { ...MODEL, signatures: new Map([...MODEL.signatures, ['count', signature]]) };
    const target = (found: Awaited<ReturnType<typeof read>>) =>
      found.map(({ body }) => (body as { signature_name?: string }).signature_name);
    expect(target(await read([], model))).toEqual(['serving_default', 'count']);
    expect(target(await read(['count'], model))).toEqual(['serving_default']);
    expect(await read(['serving_default'])).toEqual([]);
    const requests = [V1, { ...V1, signature_name: 'count' }];
    await writeFile(join(folder, 'warmup.json'), JSON.stringify({ requests }));
    expect(target(await read([], model))).toEqual([undefined, 'count']);
    expect(target(await read(['count'], model))).toEqual([undefined]);
  });
});
