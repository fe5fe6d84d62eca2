import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readPredictionLogs, type LoggedRequest } from './prediction-log.ts';
import type { Tensor } from '../model/types.ts';

/** Written by TensorFlow; see models/make_recorded.py. */
const FILE = new URL('../../../models/recorded/tf_serving_warmup_requests', import.meta.url);

let file: Buffer;
let requests: LoggedRequest[];
beforeAll(() => {
  file = readFileSync(FILE);
  requests = readPredictionLogs(file);
});

function input(request: number, name: string): Tensor | undefined {
  const logged = requests[request];
  return logged && 'inputs' in logged ? logged.inputs.find((tensor) => tensor.name === name) : undefined;
}

const TYPES = {
  float32: ['FP32', Float32Array],
  float64: ['FP64', Float64Array],
  int8: ['INT8', Int8Array],
  int16: ['INT16', Int16Array],
  int32: ['INT32', Int32Array],
  int64: ['INT64', BigInt64Array],
  uint8: ['UINT8', Uint8Array],
  uint16: ['UINT16', Uint16Array],
  uint32: ['UINT32', Uint32Array],
  uint64: ['UINT64', BigUint64Array],
  float16: ['FP16', Float32Array],
  bfloat16: ['BF16', Float32Array],
} as const;

describe('requests that TensorFlow has recorded', () => {
  it('are those of all kinds that name a signature', () => {
    expect(requests.map(({ signature }) => signature)).toEqual([
      'serving_default',
      'named',
      'classify',
      'regress',
      'classify',
      'regress',
    ]);
  });

  it.each(Object.entries(TYPES))('hold %s as bytes, as a value and as one value for all', (name, [dtype, Type]) => {
    const numbers = (...values: number[]) =>
      dtype === 'INT64' || dtype === 'UINT64'
        ? (Type as typeof BigInt64Array).from(values.map(BigInt))
        : (Type as typeof Float32Array).from(values);
    expect(input(0, name)).toEqual({ name, dtype, shape: [2, 2], data: numbers(1, 2, 3, 100) });
    expect(input(1, name)).toEqual({ name, dtype, shape: [], data: numbers(7) });
    const equal = `${name}_equal`;
    expect(input(1, equal)).toEqual({ name: equal, dtype, shape: [2, 3], data: numbers(5, 5, 5, 5, 5, 5) });
  });

  it('hold truth values and strings', () => {
    expect(input(0, 'bool')?.data).toEqual(Uint8Array.from([1, 0]));
    expect(input(1, 'bool')).toMatchObject({ shape: [], data: Uint8Array.from([1]) });
    const strings = (input(0, 'string')?.data as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString('latin1'));
    expect(strings).toEqual(['', '\u0000\u00ff', Buffer.from('grün').toString('latin1')]);
    expect(input(1, 'string')).toMatchObject({ dtype: 'BYTES', shape: [] });
  });

  it('may leave out values that are equal to the last one', () => {
    expect(input(1, 'last')).toMatchObject({ shape: [4], data: Float32Array.from([0.5, 0.25, 0.25, 0.25]) });
  });

  it('hold Examples, each with the features of their context', () => {
    const examples = requests.slice(2).map((request) => ('examples' in request ? request.examples : []));
    expect(examples.map(({ length }) => length)).toEqual([2, 1, 1, 1]);
    const [example = Buffer.alloc(0)] = examples[0] ?? [];
    const [inContext = Buffer.alloc(0)] = examples[1] ?? [];
    expect(Buffer.from(inContext).includes('user')).toBe(true);
    expect(Buffer.from(inContext).subarray(-example.length).equals(example)).toBe(true);
  });
});

describe('a file of recorded requests', () => {
  it('may be empty', () => {
    expect(readPredictionLogs(Buffer.alloc(0))).toEqual([]);
  });

  it.each([
    ['cut in a length', () => file.subarray(0, 5)],
    ['cut in its data', () => file.subarray(0, 100)],
    ['changed in its data', () => flipped(20)],
    ['changed in a length', () => flipped(0)],
    ['changed in a checksum', () => flipped(9)],
  ])('that is %s is refused', (_, make) => {
    expect(() => readPredictionLogs(make())).toThrow('record 0 is cut short or damaged');
  });

  it('is refused when a byte of it is anything else', () => {
    for (let at = 0; at < file.length; at++) expect(() => readPredictionLogs(flipped(at))).toThrow(/^record \d/);
  });
});

function flipped(at: number): Buffer {
  const changed = Buffer.from(file);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
