import { describe, expect, it } from '@jest/globals';
import { RunError } from '../../errors.ts';
import type { ModelFolder } from '../../model/types.ts';
import { loadSavedModel } from './saved-model.ts';
import type { Call, Session, SessionAddon } from './session.ts';

const [FLOAT, INT32, INT64] = [1, 3, 9];
const MODEL: ModelFolder = {
  name: 'm',
  version: '1',
  directory: '/models/m/1',
  format: 'SavedModel',
  tags: ['serve', 'gpu'],
  signatures: new Map([
    [
      's',
      {
        inputs: [{ name: 'x', dtype: 'INT32', shape: [-1], node: 'x:0' }],
        outputs: [{ name: 'y', dtype: 'FP32', shape: [-1, 2], node: 'y:0' }],
      },
    ],
  ]),
  judged: new Map(),
  refused: [],
};

/** TensorFlow with tensors of these types, which answers what it is told to. */
function addon(types: readonly number[], shape: number[] = [], values: ArrayBuffer = new ArrayBuffer(0)) {
  const loaded: unknown[] = [];
  const session: Partial<SessionAddon> = {
    load: (...given) => (loaded.push(given), {} as Session),
    prepare: () => ({}) as Call,
    types: () => types,
    run: () => [shape, values],
  };
  return { loaded, load: () => loadSavedModel(session as SessionAddon, MODEL) };
}
const X = [{ name: 'x', dtype: 'INT32' as const, shape: [1], data: Int32Array.of(1) }];

describe('a SavedModel', () => {
  it('is loaded by the tags of its graph', () => {
    const { loaded, load } = addon([INT32, FLOAT]);
    load();
    expect(loaded).toEqual([['/models/m/1', ['serve', 'gpu'], expect.anything()]]);
  });

  it.each([
    ['output', [INT32, INT64], /tensor y is FP32 in the signature, and DT_INT64 in the graph \(y:0\)/],
    ['input', [FLOAT, FLOAT], /tensor x is INT32 in the signature, and DT_FLOAT in the graph \(x:0\)/],
  ])('is refused when TensorFlow knows an %s by another type', (_, types, words) => {
    expect(() => addon(types).load()).toThrow(
      expect.objectContaining({ reason: 'ModelRefused', message: expect.stringMatching(words) }),
    );
  });

  it.each([[[3]], [[1, 3]], [[1, 2, 1]], [[]]])(
    'that answers with another shape than it says is an error: %j',
    async (shape) => {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1)).buffer;
      const answer = addon([INT32, FLOAT], shape, values).load().predict('s', X);
      await expect(answer).rejects.toBeInstanceOf(RunError);
      await expect(answer).rejects.toThrow(/output y with the shape \[.*its signature says \[-1, 2\]/);
    },
  );

  it('that keeps its word answers', async () => {
    const { load } = addon([INT32, FLOAT], [1, 2], Float32Array.of(1, 2).buffer);
    expect(await load().predict('s', X)).toEqual([
      { name: 'y', dtype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) },
    ]);
  });
});
