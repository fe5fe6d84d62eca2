/**
 * The requests that a model brings in its folder, recorded or written by hand: it must answer them before it serves.
 * Files use the body of an Open Inference or TensorFlow Serving request, so that one which works with curl can be pasted.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badRequest, RequestError, FatalError, RunError } from '../errors.ts';
import { jsonTextOf } from '../protocol/json/text.ts';
import { decodePredict } from '../protocol/v1/predict.ts';
import { decodeInfer } from '../protocol/v2/decode.ts';
import { frameOf } from '../protocol/v2/framing.ts';
import { compare, readTolerance, type ExpectedOutput, type Tolerance } from '../model/golden.ts';
import type { LoggedRequest } from './prediction-log.ts';
import { hasShape, type Predictor, type ServedModel, type Tensor } from '../model/types.ts';

export const WARMUP_FILE = 'warmup.json';
export const GOLDEN_FILE = 'golden.json';
/** TensorFlow Serving's own, and how many requests it takes from it. */
export const RECORDED_FILE = 'assets.extra/tf_serving_warmup_requests';
const MOST_RECORDED = 1000;
/** A request as the engine takes it. */
export interface WarmupRequest {
  /** For errors. */
  what: string;
  signature: string;
  inputs: Tensor[];
  expected?: { outputs: readonly ExpectedOutput[] | undefined; tolerance: Tolerance };
  /** As a client would send it, where it is written so. */
  request?: { protocol: 'v1' | 'v2'; body: object };
}

/** All of them. @throws FatalError WarmupFailed */
export async function ownRequests(directory: string, model: ServedModel): Promise<WarmupRequest[]> {
  return [
    ...(await written(directory, WARMUP_FILE, model)),
    ...(await recorded(directory, model)),
    ...(await written(directory, GOLDEN_FILE, model)),
  ];
}

/** @throws FatalError WarmupFailed when it is refused, or gets another answer than it must */
export async function mustAnswer(predictor: Predictor, request: WarmupRequest): Promise<Tensor[]> {
  const { what, signature, inputs, expected } = request;
  return attempt(what, async () => {
    const outputs = await predictor.predict(signature, inputs);
    const problem = expected && compare(outputs, expected.outputs, expected.tolerance);
    if (problem !== undefined) throw new RunError(problem);
    return outputs;
  });
}

async function attempt<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RunError || error instanceof RequestError) throw failed(`${what}: ${error.message}`, error);
    throw error;
  }
}

const failed = (message: string, cause?: unknown) => new FatalError('WarmupFailed', message, { cause });

/** `warmup.json` or `golden.json`. @throws FatalError WarmupFailed */
export async function written(directory: string, file: string, model: ServedModel): Promise<WarmupRequest[]> {
  const bytes = await read(join(directory, file));
  if (!bytes) return [];
  const { requests, tolerance } = parse(bytes, file);
  const common = await attemptTo(file, () => readTolerance(tolerance));
  return Promise.all(
    requests.map((body: unknown, i) =>
      attempt(`${file}, request ${i}`, async () => {
        if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('not an object');
        const what = `${file}, request ${i}`;
        if (file === WARMUP_FILE) return { what, ...decode(body, model) };
        const { outputs, tolerance: own, ...request } = body as GoldenBody;
        const expected = { outputs, tolerance: await attemptTo(what, () => readTolerance(own, common)) };
        return { what, ...decode(request, model), expected };
      }),
    ),
  );
}

/** An infer body whose `outputs` are those of the answer it must get. */
interface GoldenBody {
  outputs?: readonly ExpectedOutput[];
  tolerance?: unknown;
}

function parse(bytes: Buffer, file: string): { requests: unknown[]; tolerance?: unknown } {
  try {
    const { requests, tolerance } = JSON.parse(bytes.toString('utf8')) as { requests?: unknown; tolerance?: unknown };
    if (Array.isArray(requests)) return { requests, tolerance };
  } catch {
    // Told below, with what the file should hold.
  }
  throw failed(`${file} is not JSON of the form {"requests": […]}`);
}

/** By its words the body is one of version 1 or of version 2. @throws RequestError */
function decode(body: object, model: ServedModel): Pick<WarmupRequest, 'signature' | 'inputs' | 'request'> {
  const text = JSON.stringify(body);
  const v1 = Object.hasOwn(body, 'instances') || Object.hasOwn(body, 'signature_name');
  const { signature, inputs } = v1 ? decodePredict(jsonTextOf(text), model) : decodeInfer(frameOf(text), model);
  return { signature, inputs, request: { protocol: v1 ? 'v1' : 'v2', body } };
}

/** @throws FatalError WarmupFailed */
async function recorded(directory: string, model: ServedModel): Promise<WarmupRequest[]> {
  const bytes = await read(join(directory, RECORDED_FILE));
  if (!bytes) return [];
  // With a library for protocol buffers, of no use to the others.
  const { readPredictionLogs } = await import('./prediction-log.ts');
  const requests = await attemptTo(RECORDED_FILE, () => readPredictionLogs(bytes));
  if (requests.length > MOST_RECORDED) {
    throw failed(`${RECORDED_FILE} holds ${requests.length} requests, at most ${MOST_RECORDED} are allowed`);
  }
  return requests.map((request, i) => {
    const what = `${RECORDED_FILE}, request ${i}`;
    return { what, signature: request.signature, inputs: inputsOf(request, model, what) };
  });
}

/** In the order of the signature, checked against it. @throws FatalError WarmupFailed */
function inputsOf(request: LoggedRequest, model: ServedModel, what: string): Tensor[] {
  const specs = model.signatures.get(request.signature)?.inputs;
  if (!specs) throw failed(`${what}: the model has no signature ${request.signature}`);
  const given =
    'inputs' in request
      ? request.inputs
      : specs.map(({ name }) => ({
          name,
          dtype: 'BYTES' as const,
          shape: [request.examples.length],
          data: request.examples,
        }));
  const unknown = given.find(({ name }) => !specs.some((spec) => spec.name === name));
  if (unknown) throw failed(`${what}: the model has no input ${unknown.name}`);
  return specs.map((spec) => {
    const { name, dtype, shape } = spec;
    const tensor = given.find((input) => input.name === name);
    if (tensor?.dtype === dtype && hasShape(spec, tensor.shape)) return tensor;
    const has = tensor ? `is ${tensor.dtype} [${tensor.shape.join(', ')}]` : 'is missing';
    throw failed(`${what}: input ${name} ${has}, expected ${dtype} [${shape.join(', ')}]`);
  });
}

/** An error that is no failure of the model is one of the file. */
async function attemptTo<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw failed(`${what}: ${(error as Error).message}`, error);
  }
}

async function read(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
