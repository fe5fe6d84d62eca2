/**
 * The requests a model must answer before it serves: its own from `warmup.json` and `golden.json`, or zeros.
 * Files use the body of an Open Inference request, so that a request which works with curl can be pasted.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badRequest, RequestError } from '../protocol/errors.ts';
import { decodeInfer } from '../protocol/v2/decode.ts';
import { frameOf } from '../protocol/v2/framing.ts';
import {
  FatalError,
  RunError,
  sizeOf,
  type DataType,
  type Predictor,
  type ServedModel,
  type Signature,
  type Tensor,
  type TensorData,
} from './types.ts';

export const WARMUP_FILE = 'warmup.json';
export const GOLDEN_FILE = 'golden.json';

/** Differences up to this, absolute or relative, are rounding: row by row against a batch gives about 1e-6. */
export const TOLERANCE = 1e-5;

type Body = Record<string, unknown>;
/** An infer body whose `outputs` are those of the answer it must get. */
export type GoldenRequest = Body & { outputs?: { name: string; data: unknown }[] };

/** @throws FatalError WarmupFailed */
export async function warmUp(predictor: Predictor, model: ServedModel, directory: string): Promise<void> {
  const requests = await readRequests<Body>(directory, WARMUP_FILE);
  const goldens = await readRequests<GoldenRequest>(directory, GOLDEN_FILE);
  for (const [i, body] of (requests ?? []).entries()) {
    await attempt(`${WARMUP_FILE}, request ${i}`, () => ask(predictor, model, body));
  }
  for (const [i, golden] of (goldens ?? []).entries()) {
    await attempt(`${GOLDEN_FILE}, request ${i}`, async () => {
      if (typeof golden !== 'object' || golden === null) throw badRequest('not an object');
      const { outputs, ...request } = golden;
      const problem = compare(await ask(predictor, model, request), outputs);
      if (problem !== undefined) throw new RunError(problem);
    });
  }
  if (requests !== undefined || goldens !== undefined) return;
  for (const [name, signature] of model.signatures) {
    await attempt(`signature ${name}, all inputs zero`, () => predictor.predict(name, zeros(signature)));
  }
}

function ask(predictor: Predictor, model: ServedModel, body: Body): Promise<Tensor[]> {
  if (typeof body !== 'object' || body === null) throw badRequest('not an object');
  const { signature, inputs } = decodeInfer(frameOf(JSON.stringify(body)), model);
  return predictor.predict(signature, inputs);
}

async function attempt(what: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof RunError || error instanceof RequestError) {
      throw new FatalError('WarmupFailed', `${what}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** The requests in `file`; undefined when there is no such file. @throws FatalError WarmupFailed */
export async function readRequests<T>(directory: string, file: string): Promise<T[] | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, file), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { requests } = JSON.parse(text) as { requests?: unknown };
    if (Array.isArray(requests)) return requests as T[];
  } catch {
    // Told below, with what the file should hold.
  }
  throw new FatalError('WarmupFailed', `${file} is not JSON of the form {"requests": […]}`);
}

/** One row of zeros for every input. Pure. */
export function zeros(signature: Signature): Tensor[] {
  return signature.inputs.map(({ name, dtype, shape }) => {
    const known = shape.map((size) => (size < 0 ? 1 : size));
    return { name, dtype, shape: known, data: blank(dtype, sizeOf(known)) };
  });
}

const ARRAY: Record<Exclude<DataType, 'BYTES'>, new (size: number) => TensorData> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float32Array,
  BF16: Float32Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

function blank(dtype: DataType, size: number): TensorData {
  return dtype === 'BYTES' ? Array.from({ length: size }, () => new Uint8Array(0)) : new ARRAY[dtype](size);
}

/** What differs between an answer and the recorded one, in words. Pure. */
export function compare(answer: readonly Tensor[], expected: GoldenRequest['outputs']): string | undefined {
  if (!Array.isArray(expected) || expected.length === 0) return 'it has no "outputs" to compare with';
  for (const { name, data } of expected) {
    const tensor = answer.find((output) => output.name === name);
    if (!tensor) return `the model has no output ${JSON.stringify(name)}`;
    const flat: unknown[] = Array.isArray(data) ? (data as unknown[]).flat(Infinity) : [data];
    if (flat.length !== tensor.data.length)
      return `output ${name} has ${tensor.data.length} values, expected ${flat.length}`;
    for (const [i, value] of flat.entries()) {
      const got = tensor.data[i];
      if (!same(got, value)) return `output ${name}, value ${i} is ${String(show(got))}, expected ${String(value)}`;
    }
  }
  return undefined;
}

const show = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value);

function same(got: unknown, expected: unknown): boolean {
  if (typeof expected === 'string') return show(got) === expected || String(got) === expected;
  const [a, b] = [Number(got), Number(expected)];
  return Object.is(a, b) || Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(b));
}
