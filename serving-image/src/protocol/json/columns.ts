/** A column for each way in which values are written; `columnFor` chooses. */
import type { TensorData, TensorSpec } from '../../model/types.ts';
import { uninitialized, type ArrayType } from '../../model/array-slab.ts';
import { Byte } from './byte.ts';
import { tooManyElements } from '../../errors.ts';
import { Column, MAX_ELEMENTS, MAX_TEXTS } from './column.ts';
import { readInteger64 } from './integers.ts';
import { readNumber, readNumbers } from './numbers.ts';
import type { Scanner } from './scanner.ts';

/** The least absolute values that are too large: half a step above the largest number of the type, or infinity. */
const TOO_LARGE = {
  FP16: (2 - 2 ** -11) * 2 ** 15,
  BF16: (2 - 2 ** -8) * 2 ** 127,
  FP32: (2 - 2 ** -24) * 2 ** 127,
  FP64: Infinity,
};

const RANGE = {
  UINT8: [0, 255],
  UINT16: [0, 65535],
  UINT32: [0, 4294967295],
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  INT32: [-2147483648, 2147483647],
} as const;
const INTEGER_ARRAY = {
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
};

type Integers = InstanceType<(typeof INTEGER_ARRAY)[keyof typeof INTEGER_ARRAY]>;

/** A column for the values of `spec`. `field` names it in errors; `shape` is filled in while reading where it is -1. */
export function columnFor(spec: TensorSpec, field: string, shape: number[]): Column {
  const { dtype } = spec;
  switch (dtype) {
    case 'FP16':
      return new HalfColumn(spec, field, shape, new Float32Array(0), TOO_LARGE[dtype]);
    case 'BF16':
    case 'FP32':
      return new FloatColumn(spec, field, shape, new Float32Array(0), TOO_LARGE[dtype]);
    case 'FP64':
      return new FloatColumn(spec, field, shape, new Float64Array(0), TOO_LARGE[dtype]);
    case 'INT64':
    case 'UINT64':
      return new Integer64Column(spec, field, shape, new Int32Array(0), 2);
    case 'BOOL':
      return new BoolColumn(spec, field, shape, new Uint8Array(0));
    case 'BYTES':
      return new BytesColumn(spec, field, shape);
    case 'INT8':
    case 'INT16':
    case 'INT32':
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
      return new IntegerColumn(spec, field, shape, dtype);
  }
}

/** A column whose values lie in a typed array. */
abstract class ArrayColumn<T extends Float32Array | Float64Array | Int32Array | Uint8Array> extends Column {
  constructor(
    spec: TensorSpec,
    field: string,
    shape: number[],
    protected data: T,
    /** Elements of `data` for each value. */
    private readonly width = 1,
  ) {
    super(spec, field, shape);
  }

  protected override reserve(scan: Scanner, most: number): void {
    const { data, width } = this;
    if ((this.count + most) * width <= data.length) return;
    const Type = data.constructor as ArrayType<T>;
    this.data = uninitialized(Type, this.capacity(scan, most) * width);
    if (this.count > 0) this.data.set(data.subarray(0, this.count * width));
  }

  finish(): TensorData {
    const used = this.count * this.width;
    return this.data.length === used ? this.data : this.data.subarray(0, used);
  }
}

class FloatColumn extends ArrayColumn<Float32Array | Float64Array> {
  constructor(
    spec: TensorSpec,
    field: string,
    shape: number[],
    data: Float32Array | Float64Array,
    private readonly tooLarge: number,
  ) {
    super(spec, field, shape, data);
  }

  override list(scan: Scanner, most: number): void {
    const places = most < 0 ? Math.min(valuesAhead(scan), MAX_ELEMENTS - this.count) : most;
    this.reserve(scan, places);
    this.count = readNumbers(scan, this, this.data, this.count, this.count + places, this.tooLarge);
  }

  one(scan: Scanner): void {
    this.reserve(scan, 1);
    this.data[this.count] = readNumber(scan, this, this.count, this.tooLarge);
    this.count++;
  }
}

/** Numbers so short that `readNumbers` does not compare them with a limit can still be beyond this one. */
class HalfColumn extends FloatColumn {
  override finish(): TensorData {
    for (let i = 0; i < this.count; i++) {
      const value = this.data[i] as number;
      if (Math.abs(value) >= TOO_LARGE.FP16 && Number.isFinite(value)) throw this.refused(i, String(value));
    }
    return super.finish();
  }
}

/** Most values that the list of numbers at `scan.at` can hold: each has a digit and a comma. */
function valuesAhead({ bytes, at, end }: Scanner): number {
  const close = bytes.indexOf(Byte.CloseList, at);
  return ((close < 0 ? end : close) - at + 1) >> 1;
}

/** Integers of up to 32 bits are read as doubles, then checked and narrowed once all are there. */
class IntegerColumn extends FloatColumn {
  constructor(
    spec: TensorSpec,
    field: string,
    shape: number[],
    private readonly dtype: keyof typeof RANGE,
  ) {
    super(spec, field, shape, new Float64Array(0), Infinity);
  }

  override finish(): TensorData {
    const [lowest, highest] = RANGE[this.dtype];
    const { data, count } = this;
    for (let i = 0; i < count; i++) {
      const value = data[i] as number;
      if (!(value >= lowest && value <= highest && value === Math.floor(value))) throw this.refused(i, String(value));
    }
    const integers = uninitialized<Integers>(INTEGER_ARRAY[this.dtype], count);
    integers.set(data.subarray(0, count));
    return integers;
  }
}

/** 64-bit integers as pairs of 32-bit words, the lower one first: no BigInt is made for each. */
class Integer64Column extends ArrayColumn<Int32Array> {
  one(scan: Scanner): void {
    this.reserve(scan, 1);
    readInteger64(scan, this, this.data, this.count);
    this.count++;
  }

  override finish(): TensorData {
    const { buffer, byteOffset } = this.data;
    const Type = this.spec.dtype === 'INT64' ? BigInt64Array : BigUint64Array;
    return new Type(buffer as ArrayBuffer, byteOffset, this.count);
  }
}

class BoolColumn extends ArrayColumn<Uint8Array> {
  one(scan: Scanner): void {
    this.reserve(scan, 1);
    const { bytes } = scan;
    const c = scan.peek();
    if (c === Byte.Zero || c === Byte.One) {
      this.data[this.count++] = c - Byte.Zero;
      scan.at++;
      return;
    }
    const word = ['true', 'false'].find((text) => bytes.toString('latin1', scan.at, scan.at + text.length) === text);
    if (word === undefined) throw this.unfit(scan, this.count);
    this.data[this.count++] = word === 'true' ? 1 : 0;
    scan.at += word.length;
  }
}

/** Of either alphabet; padding may be left out, as TensorFlow Serving has it. */
const BASE64 = /^[\w+/-]*={0,2}$/;

/** Strings in UTF-8, and `{"b64": "…"}` as TensorFlow Serving writes bytes. */
class BytesColumn extends Column {
  readonly #data: Uint8Array[] = [];

  one(scan: Scanner): void {
    if (this.count === MAX_TEXTS) throw tooManyElements(this.field, MAX_TEXTS);
    this.#data.push(this.#value(scan));
    this.count++;
  }

  finish(): TensorData {
    return this.#data;
  }

  #value(scan: Scanner): Uint8Array {
    const c = scan.peek();
    if (c === Byte.Quote) return scan.stringBytes();
    const start = scan.at;
    const value = c === Byte.OpenObject ? (scan.value() as { b64?: unknown }).b64 : undefined;
    if (typeof value === 'string' && BASE64.test(value)) return Buffer.from(value, 'base64');
    scan.at = start;
    throw this.unfit(scan, this.count);
  }
}
