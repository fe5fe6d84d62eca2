/** The reader and the writer of numbers against what Node brings, and long checks that they are exact. */
import { loadAddon } from '../../serving-image/src/addon.ts';
import { columnFor } from '../../serving-image/src/protocol/json/columns.ts';
import { readNested } from '../../serving-image/src/protocol/json/nested.ts';
import { useNativeNumbers, type NativeNumbers } from '../../serving-image/src/protocol/json/numbers.ts';
import { Scanner } from '../../serving-image/src/protocol/json/scanner.ts';
import { jsonText } from '../../serving-image/src/protocol/json/text.ts';
import { JsonWriter } from '../../serving-image/src/protocol/json/writer.ts';
import type { DataType } from '../../serving-image/src/model/types.ts';
import { randomNumber, seeded } from '../../serving-image/testing/numbers.ts';

/** Values of one tensor: a picture of 28x28. */
const VALUES = 784;

function read(bytes: Buffer, dtype: DataType): ArrayLike<number> {
  const scan = new Scanner(jsonText([bytes], bytes.length));
  const column = columnFor({ name: 'x', dtype, shape: [-1] }, 'x', [-1]);
  readNested(scan, column);
  return column.finish() as Float64Array;
}

function write(data: Float32Array): Buffer {
  const tensor = { name: 'x', dtype: 'FP32' as const, shape: [data.length], data };
  return new JsonWriter().raw('[').elements(tensor, 0, data.length, 'v2').raw(']').finish();
}

/** Best of many rounds, in microseconds: the machine's other work only ever adds. */
function microseconds(run: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < 60; round++) {
    const started = performance.now();
    for (let i = 0; i < 100; i++) run();
    best = Math.min(best, (performance.now() - started) * 10);
  }
  return best;
}

function compare(): void {
  const random = seeded(1);
  const kinds: [string, () => number][] = [
    ['integers 0 to 255', () => Math.floor(random() * 256)],
    ['4 decimals', () => Number(random().toFixed(4))],
    ['17 digits', () => random() * random()],
    ['17 digits, small', () => random() * 10 ** -Math.floor(random() * 20)],
    ['float32 of 17 digits', () => Math.fround(random())],
  ];
  print(`${VALUES} values, microseconds`, 'bytes', 'JSON.parse + Float32Array', 'ours', 'ratio');
  for (const separator of [',', ', ']) {
    for (const [name, make] of kinds) {
      const bytes = Buffer.from(`[${Array.from({ length: VALUES }, make).join(separator)}]`);
      const theirs = microseconds(() => Float32Array.from(JSON.parse(bytes.toString()) as number[]));
      const ours = microseconds(() => read(bytes, 'FP32'));
      print(`read ${name}${separator === ',' ? '' : ', blanks'}`, bytes.length, theirs, ours, theirs / ours);
    }
  }
  print('', 'bytes', "Float32Array.join(',')", 'ours', 'ratio');
  for (const [name, make] of [...kinds, ['softmax', () => Math.exp(-30 * random())] as [string, () => number]]) {
    // Other numbers in each round: Node remembers texts it has made.
    const arrays = Array.from({ length: 200 }, () => Float32Array.from({ length: VALUES }, make));
    let turn = 0;
    const next = () => arrays[turn++ % arrays.length] as Float32Array;
    const theirs = microseconds(() => Buffer.from(`[${next().join(',')}]`));
    const ours = microseconds(() => write(next()));
    print(`write ${name}`, write(next()).length, theirs, ours, theirs / ours);
  }
}

function print(name: string, ...columns: (string | number)[]): void {
  const texts = columns.map((value) => (typeof value === 'number' ? value.toFixed(value < 100 ? 1 : 0) : value));
  console.log(name.padEnd(34) + texts.map((text) => text.padStart(27)).join(''));
}

/** Reads random numbers with both readers, and compares every bit with JSON.parse. */
function checkReading(count: number): void {
  const random = seeded(Date.now());
  const readers = [undefined, loadAddon('numbers') as NativeNumbers];
  for (let done = 0; done < count; done += 10_000) {
    const text = `[${Array.from({ length: 10_000 }, () => randomNumber(random)).join(',')}]`;
    const expected = JSON.parse(text) as number[];
    for (const reader of readers) {
      if (useNativeNumbers(reader) !== (reader !== undefined))
        throw new Error('the addon has nothing for this processor');
      const ours = read(Buffer.from(text), 'FP64');
      expected.forEach((value, i) => {
        if (!Object.is(ours[i], value)) throw new Error(`read ${ours[i]} where JSON.parse reads ${value}`);
      });
    }
  }
  console.log(`${count} random numbers are read as JSON.parse reads them, with the addon and without`);
}

/** Writes every float32 there is, and reads it back. */
function checkWriting(): void {
  const block = 2 ** 20;
  const values = new Float32Array(block);
  const bits = new Uint32Array(values.buffer);
  for (let start = 0; start < 2 ** 32; start += block) {
    for (let i = 0; i < block; i++) bits[i] = start + i;
    // All bits of the exponent set: not finite.
    if ((((bits[0] as number) >>> 23) & 255) === 255) continue;
    const back = read(write(values), 'FP32') as Float32Array;
    if (Buffer.compare(bytesOf(values), bytesOf(back)) !== 0) {
      const i = values.findIndex((value, place) => !Object.is(value, back[place]));
      throw new Error(`${values[i]} is written as ${write(values.subarray(i, i + 1)).toString()}`);
    }
    if (start % (block * 256) === 0) console.log(`${start / block} of 4096 million written and read back`);
  }
  console.log('every float32 reads back as itself');
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);

export function main([what = 'numbers', count = '10000000']: string[]): void {
  if (what === 'check' && count === 'floats') checkWriting();
  else if (what === 'check') checkReading(Number(count));
  else compare();
}
