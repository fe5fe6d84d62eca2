import { describe, expect, it } from '@jest/globals';
import { KINDS, madeUp } from './made-up.ts';
import { repeated, rowsOf, turned, zeros } from '../model/rows.ts';
import type { DataType, Signature } from '../model/types.ts';
import { messageType } from '../protocol/proto/schema.ts';

const Example = messageType('tensorflow.Example');
type Decoded = { features: { feature: Record<string, Record<string, { value: unknown[] }>> } };
/** Where dimensions are free there is one of each. */
const SMALL = { free: 1, below: 2, wide: false };

const TYPES: DataType[] = [
  ...(['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'] as const),
  ...(['FP16', 'BF16', 'FP32', 'FP64', 'BYTES'] as const),
];
const signature = (dtype: DataType): Signature => ({ inputs: [{ name: 'x', dtype, shape: [-1, 8, -1] }], outputs: [] });
const text = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : String(value));

describe('rows that are made up', () => {
  it.each(TYPES)('of %s differ from one another, are not all zero, and are the same at every start', (dtype) => {
    for (const kind of KINDS) {
      const rows = Array.from({ length: 6 }, (_, row) => madeUp(signature(dtype), row, kind));
      const texts = rows.map(([x]) => Array.from(x?.data as ArrayLike<unknown>, text).join());
      expect(new Set(texts).size).toBe(6);
      expect(rows[0]?.[0]?.shape).toEqual([1, 8, kind.free]);
      expect(texts.some((row) => /[1-9]/.test(row))).toBe(true);
      expect(madeUp(signature(dtype), 0, kind)).toEqual(rows[0]);
    }
  });

  it('are Examples with each feature that the model reads, where they are Examples', () => {
    const features = [
      { name: 'area', kind: 'float', size: 3 },
      { name: 'rooms', kind: 'int64', size: 1 },
      { name: 'words', kind: 'bytes', size: 2 },
    ] as const;
    const rows = [0, 1].map((row) => madeUp(signature('BYTES'), row, SMALL, new Map([['x', features]]))[0]);
    const [first, second] = rows.map((row) => row?.data as readonly Uint8Array[]);
    expect(first).toHaveLength(8);
    expect(first?.[0]).not.toEqual(second?.[0]);
    const { features: read } = Example.toObject(Example.decode(first?.[0] as Uint8Array)) as Decoded;
    const { area, rooms, words } = read.feature;
    expect([area?.float_list?.value.length, rooms?.int64_list?.value.length, words?.bytes_list?.value.length]).toEqual([
      3, 1, 2,
    ]);
  });

  it('have whole numbers that may be places in a small table', () => {
    for (const kind of KINDS) {
      const [x] = madeUp(signature('INT32'), 1, kind);
      expect([...(x?.data as Int32Array)].every((value) => value >= 0 && value < kind.below)).toBe(true);
    }
  });

  it('may be zeros of every type', () => {
    const [a, b, c] = zeros({
      inputs: [
        { name: 'a', dtype: 'FP32', shape: [-1, 2] },
        { name: 'b', dtype: 'INT64', shape: [] },
        { name: 'c', dtype: 'BYTES', shape: [-1] },
      ],
      outputs: [],
    });
    expect(a).toEqual({ name: 'a', dtype: 'FP32', shape: [1, 2], data: new Float32Array(2) });
    expect(b?.data).toEqual(BigInt64Array.from([0n]));
    expect(c?.data).toEqual([new Uint8Array(0)]);
  });
});

describe('rows that there are', () => {
  const x = { name: 'x', dtype: 'FP32' as const, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };

  it('can be taken one by one, if all inputs have as many', () => {
    const [, second] = rowsOf([x]);
    expect(second).toEqual([{ ...x, shape: [1, 3], data: Float32Array.of(4, 5, 6) }]);
    expect(rowsOf([x, { ...x, shape: [1, 3] }])).toEqual([]);
  });

  it('can have their values in other places', () => {
    expect(turned([x], 2)[0]?.data).toEqual(Float32Array.of(3, 4, 5, 6, 1, 2));
  });

  it('can be repeated', () => {
    const bytes = [Buffer.from('a'), Buffer.from('b')];
    expect(repeated([{ name: 'c', dtype: 'BYTES', shape: [2], data: bytes }], 3)).toEqual([
      { name: 'c', dtype: 'BYTES', shape: [3], data: [bytes[0], bytes[1], bytes[0]] },
    ]);
  });
});
