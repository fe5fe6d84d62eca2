import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { examineModel } from './examine.ts';
import { encode, type Message } from './proto-writer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'examine-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [FLOAT, COMPLEX, FLOAT_REF] = [1, 8, 101];
const SHAPE: Message = { 2: [{ 1: -1 }] };
const info = (tensor: string, type: number, shaped = true): Message => ({
  1: tensor,
  2: type,
  ...(shaped ? { 3: SHAPE } : {}),
});
const signature = (input: Message, output: Message): Message => ({ 1: { 1: 'x', 2: input }, 2: { 1: 'y', 2: output } });
const node = (name: string, op: string, type: number, ...input: string[]): Message => ({
  1: name,
  2: op,
  3: input,
  5: { 1: op === 'Placeholder' ? 'dtype' : 'T', 2: { 6: type } },
});
/** A graph with these tags: x, and y which is x. */
const metaGraph = (tags: string[], signatures: Record<string, Message>, type = FLOAT): Message => ({
  1: { 4: tags },
  2: { 1: [node('x', 'Placeholder', FLOAT), node('y', 'Identity', type, 'x'), node('c', 'Placeholder', COMPLEX)] },
  5: Object.entries(signatures).map(([name, value]): Message => ({ 1: name, 2: value })),
});
const save = (...graphs: Message[]) => writeFileSync(join(folder, 'saved_model.pb'), encode({ 1: 1, 2: graphs }));
const PLAIN = signature(info('x:0', FLOAT), info('y:0', FLOAT));

describe('a SavedModel is served', () => {
  it('whose tensors have no shape, as TensorFlow 1.0 wrote them', async () => {
    save(metaGraph(['serve'], { s: signature(info('x:0', FLOAT, false), info('y:0', FLOAT, false)) }));
    const { signatures } = await examineModel(folder);
    expect(signatures.get('s')?.inputs[0]).toMatchObject({ dtype: 'FP32', unknownRank: true });
  });

  it('one of whose outputs is a variable itself', async () => {
    save(metaGraph(['serve'], { s: signature(info('x:0', FLOAT), info('y:0', FLOAT_REF)) }, FLOAT_REF));
    expect((await examineModel(folder)).signatures.get('s')?.outputs[0]?.dtype).toBe('FP32');
  });

  it.each<[string, string[][], string[]]>([
    ['for serving and nothing else', [['train'], ['serve', 'gpu'], ['serve']], ['serve']],
    ['for serving on another device', [['train'], ['serve', 'tpu'], ['serve', 'gpu']], ['serve', 'gpu']],
    ['that is the only one', [[]], []],
  ])('by its graph %s', async (_, all, tags) => {
    save(...all.map((each) => metaGraph(each, { [each.join() || 'none']: PLAIN })));
    const examined = await examineModel(folder);
    expect(examined.info.tags).toEqual(tags);
    expect([...examined.signatures.keys()]).toEqual([tags.join() || 'none']);
  });

  it('without a signature whose values cannot be sent, which is named with the tensor', async () => {
    save(metaGraph(['serve'], { s: PLAIN, wave: signature(info('c:0', COMPLEX), info('y:0', FLOAT)) }));
    const { signatures, refused } = await examineModel(folder);
    expect([...signatures.keys()]).toEqual(['s']);
    expect(refused).toEqual([expect.stringMatching(/^signature wave is not served: tensor x .*DT_COMPLEX64/)]);
  });

  it('without a signature that takes sparse tensors', async () => {
    const sparse: Message = { 4: { 1: 'values:0' }, 2: FLOAT };
    save(metaGraph(['serve'], { s: PLAIN, sparse: signature(sparse, info('y:0', FLOAT)) }));
    expect((await examineModel(folder)).refused).toEqual([expect.stringContaining('tensor x is sparse')]);
  });
});

describe('a SavedModel is refused', () => {
  it('when it has graphs for other things only, with what it has', async () => {
    save(metaGraph(['train'], { s: PLAIN }), metaGraph(['eval', 'gpu'], { s: PLAIN }));
    await expect(examineModel(folder)).rejects.toThrow(`the tag 'serve' (found (train), (eval, gpu))`);
  });

  it('when no signature is left, for the reason of each', async () => {
    save(metaGraph(['serve'], { wave: signature(info('c:0', COMPLEX), info('y:0', FLOAT)) }));
    await expect(examineModel(folder)).rejects.toMatchObject({
      reason: 'ModelRefused',
      message: expect.stringContaining('signature wave is not served'),
    });
  });

  it('when it has none at all', async () => {
    save(metaGraph(['serve'], {}));
    await expect(examineModel(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });
});

it('a graph of TensorFlow.js is judged by its description alone, where its weights are elsewhere', async () => {
  const [x, y] = ['x', 'y'].map((name) => ({
    name: `${name}:0`,
    dtype: 'DT_FLOAT',
    tensorShape: { dim: [{ size: '-1' }] },
  }));
  const nodes = [
    { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } },
    { name: 'axis', op: 'Const', attr: { dtype: { type: 'DT_INT32' } } },
    { name: 'y', op: 'ExpandDims', input: ['x', 'axis'], attr: { T: { type: 'DT_FLOAT' } } },
  ];
  const weights = [{ name: 'axis', dtype: 'int32', shape: [1] }];
  const model = {
    modelTopology: { node: nodes },
    signature: { inputs: { x }, outputs: { y } },
    weightsManifest: [{ paths: ['w.bin'], weights }],
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(model));
  await expect(examineModel(folder)).rejects.toThrow('w.bin');
  expect([...(await examineModel(folder, { withoutWeights: true })).signatures.keys()]).toEqual(['serving_default']);
});
