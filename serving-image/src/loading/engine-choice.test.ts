import { describe, expect, it } from '@jest/globals';
import type { EngineName, Measurement } from '../model/types.ts';
import { firstAble, pickEngine } from './engine-choice.ts';

const took = (engine: EngineName, oneMs: number, batchMs: number): Measurement => ({
  engine,
  oneMs,
  batchMs,
  batchRows: 32,
});

describe('the choice of an engine', () => {
  it('weighs one row and a batch alike, whatever their times are', () => {
    // Wasm is twice as quick for one row, TensorFlow three times for a batch.
    expect(pickEngine([took('wasm', 0.1, 30), took('tensorflow', 0.2, 10)], [])?.engine).toBe('tensorflow');
    expect(pickEngine([took('wasm', 0.1, 30), took('tensorflow', 0.4, 10)], [])?.engine).toBe('wasm');
  });

  it('compares batches of different sizes by what a row of them takes', () => {
    const few = { ...took('wasm', 10, 40), batchRows: 4 };
    expect(pickEngine([few, took('tensorflow', 10, 64)], [])?.engine).toBe('tensorflow');
    expect(pickEngine([few, took('tensorflow', 10, 640)], [])?.engine).toBe('wasm');
  });

  it('says what was measured and what was not', () => {
    expect(
      pickEngine([took('tensorflow', 0.2, 1.23456), took('wasm', 0.1, 1)], [{ engine: 'cpu', because: 'too slow' }]),
    ).toEqual({
      engine: 'wasm',
      reason:
        'measured wasm 0.1 ms for 1 row and 1 ms for 32, tensorflow 0.2 ms for 1 row and 1.23 ms for 32; not cpu: too slow',
    });
  });

  it('that is none, because one engine alone was measured, says why the others were not', () => {
    const because = 'it has no operation Foo';
    expect(pickEngine([took('tensorflow', 1, 1)], [{ engine: 'wasm', because }])).toEqual({
      engine: 'tensorflow',
      reason: 'tensorflow is the only engine that was measured; not wasm: it has no operation Foo',
    });
    expect(pickEngine([], [{ engine: 'wasm', because }])).toBeUndefined();
  });

  it('falls on the first that did not fail, where none could be measured', () => {
    const able = [
      { engine: 'tensorflow' as const, because: 'there was no time to measure it' },
      { engine: 'cpu' as const, because: 'there was no time to measure it' },
    ];
    expect(firstAble(able, [{ engine: 'wasm', because: 'it has no operation Foo' }])).toEqual({
      engine: 'tensorflow',
      reason:
        'tensorflow is the first that did not fail: there was no time to measure it; not cpu: there was no time to measure it; not wasm: it has no operation Foo',
    });
    expect(firstAble([], [])).toBeUndefined();
  });
});
