/** Tensors of several requests as one, and back. Pure. */
import { sizeOf, type Tensor, type TensorData } from '../model/types.ts';
import { uninitialized, type ArrayType } from '../model/array-slab.ts';

type Numbers = Exclude<TensorData, readonly Uint8Array[]>;

/** Puts the rows of equal inputs one behind the other. `requests` is not empty, and all are alike but for their rows. */
export function join(requests: readonly (readonly Tensor[])[]): Tensor[] {
  const [first = []] = requests;
  return first.map(({ name, dtype, shape }, i) => {
    const parts = requests.map((inputs) => inputs[i] as Tensor);
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
    return { name, dtype, shape: [rows, ...shape.slice(1)], data: concat(parts) };
  });
}

function concat(parts: readonly Tensor[]): TensorData {
  const [first] = parts;
  if (Array.isArray(first?.data)) return parts.flatMap(({ data }) => data as readonly Uint8Array[]);
  const size = parts.reduce((sum, { data }) => sum + data.length, 0);
  const Type = first?.data.constructor as ArrayType<Numbers>;
  const { buffer, byteOffset } = first?.data as Numbers;
  if (followEachOther(parts)) return new Type(buffer as ArrayBuffer, byteOffset, size);
  const whole = uninitialized(Type, size);
  let at = 0;
  for (const { data } of parts) {
    whole.set(data as never, at);
    at += data.length;
  }
  return whole;
}

/** Whether the values of each begin in memory where those of the one before end: they were read one after the other. */
function followEachOther(parts: readonly Tensor[]): boolean {
  const { buffer, byteOffset } = parts[0]?.data as Numbers;
  let end = byteOffset;
  for (const { data } of parts) {
    const numbers = data as Numbers;
    if (numbers.buffer !== buffer || numbers.byteOffset !== end) return false;
    end += numbers.byteLength;
  }
  return true;
}

/**
 * Gives each request its rows of the outputs, which share the memory of the whole. Undefined when an output does not
 * have one row for each row of the inputs: the model's first dimension is no batch dimension then.
 */
export function split(outputs: readonly Tensor[], rows: readonly number[]): Tensor[][] | undefined {
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (outputs.some(({ shape }) => shape[0] !== total)) return undefined;
  let from = 0;
  return rows.map((count) => {
    const start = from;
    from += count;
    return outputs.map((output) => slice(output, start, count));
  });
}

function slice({ name, dtype, shape, data }: Tensor, from: number, rows: number): Tensor {
  const row = shape.slice(1);
  const size = sizeOf(row);
  const [start, end] = [from * size, (from + rows) * size];
  const part = Array.isArray(data)
    ? (data as readonly Uint8Array[]).slice(start, end)
    : (data as Uint8Array).subarray(start, end);
  return { name, dtype, shape: [rows, ...row], data: part };
}
