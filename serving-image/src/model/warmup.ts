/**
 * The requests a model must answer before it serves: its own, recorded or written by hand, or zeros.
 * Files use the body of an Open Inference or TensorFlow Serving request, so that one which works with curl can be pasted.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { badRequest, RequestError } from '../protocol/errors.ts';
import { jsonTextOf } from '../protocol/json/text.ts';
import { decodePredict } from '../protocol/v1/predict.ts';
import { decodeInfer } from '../protocol/v2/decode.ts';
import { frameOf } from '../protocol/v2/framing.ts';
import { compare, DEFAULT_TOLERANCE, readTolerance, same, type ExpectedOutput, type Tolerance } from './golden.ts';
import type { LoggedRequest } from './prediction-log.ts';
import { isBatched, repeated, zeros } from './rows.ts';
import { FatalError, RunError, type Predictor, type ServedModel, type Tensor } from './types.ts';

export const WARMUP_FILE = 'warmup.json';
export const GOLDEN_FILE = 'golden.json';
/** TensorFlow Serving's own, and how many requests it takes from it. */
export const RECORDED_FILE = 'assets.extra/tf_serving_warmup_requests';
const MOST_RECORDED = 1000;
/** A batch that would take longer is not tried: a worker that replaces another one must be quick. */
const LONGEST_BATCH_MS = 1000;

/** A request as the engine takes it. */
export interface Ask {
  /** For errors. */
  what: string;
  signature: string;
  inputs: Tensor[];
  expected?: { outputs: readonly ExpectedOutput[] | undefined; tolerance: Tolerance };
  /** As a client would send it, where it is written so. */
  request?: { protocol: 'v1' | 'v2'; body: object };
}

export interface WarmedUp {
  /** Signatures whose rows can be run together with those of other requests: they do not depend on one another. */
  batched: ReadonlySet<string>;
  /** What did not go well and does not matter, in words. */
  notes: readonly string[];
}

/**
 * Asks the model everything its folder holds, and each signature once with each of these numbers of rows, as batches will
 * have them.
 * @throws FatalError WarmupFailed
 */
export async function warmUp(
  predictor: Predictor,
  model: ServedModel,
  directory: string,
  batchSizes: readonly number[],
): Promise<WarmedUp> {
  const asks = await readAsks(directory, model);
  for (const ask of asks) await attempt(ask.what, () => answer(predictor, ask));
  const samples = new Map(asks.map((ask) => [ask.signature, ask]));
  const notes: string[] = [];
  const batched = new Set([...model.signatures].filter(([, specs]) => isBatched(specs)).map(([name]) => name));
  for (const { signature, inputs } of samples.values()) {
    if (!batched.has(signature)) continue;
    const tried = await tryBatches(predictor, signature, inputs, batchSizes);
    notes.push(...tried.notes);
    if (tried.dependent) batched.delete(signature);
  }
  return { batched, notes };
}

/** The requests in the folder of a model, or zeros for each signature. @throws FatalError WarmupFailed */
export async function readAsks(directory: string, model: ServedModel): Promise<Ask[]> {
  const own = [
    ...(await written(directory, WARMUP_FILE, model)),
    ...(await recorded(directory, model)),
    ...(await written(directory, GOLDEN_FILE, model)),
  ];
  return own.length > 0 ? own : zeroAsks(model);
}

async function answer(predictor: Predictor, { signature, inputs, expected }: Ask): Promise<void> {
  const outputs = await predictor.predict(signature, inputs);
  const problem = expected && compare(outputs, expected.outputs, expected.tolerance);
  if (problem !== undefined) throw new RunError(problem);
}

/** A free first dimension is not always one of rows: a model that answers its own requests may refuse others. */
async function tryBatches(
  predictor: Predictor,
  signature: string,
  inputs: Tensor[],
  sizes: readonly number[],
): Promise<{ dependent: boolean; notes: string[] }> {
  const notes: string[] = [];
  let perRow = 0;
  let single: Tensor[] | undefined;
  for (const rows of sizes) {
    const what = `signature ${signature} with ${rows} rows`;
    if (perRow * rows > LONGEST_BATCH_MS) {
      notes.push(`${what}: not tried, it would take about ${Math.round((perRow * rows) / 1000)} s`);
      continue;
    }
    const batch = repeated(inputs, rows);
    const started = performance.now();
    try {
      const outputs = await predictor.predict(signature, batch);
      perRow = (performance.now() - started) / rows;
      if (rows === 1) single = outputs;
      const differing = single && firstRowDiffers(single, outputs);
      if (differing === undefined) continue;
      notes.push(`${what}: output ${differing} depends on the other rows; requests are run one by one`);
      return { dependent: true, notes };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      notes.push(`${what}: ${error.message}`);
    }
  }
  return { dependent: false, notes };
}

/** The output whose first row is not the one that this row gets when it is alone. */
function firstRowDiffers(alone: readonly Tensor[], batch: readonly Tensor[]): string | undefined {
  const differs = ({ name, data }: Tensor) => {
    const other = batch.find((output) => output.name === name)?.data;
    return !Array.from(data as ArrayLike<unknown>).every((value, i) => same(other?.[i], value, DEFAULT_TOLERANCE));
  };
  return alone.find(differs)?.name;
}

function zeroAsks(model: ServedModel): Ask[] {
  return [...model.signatures].map(([signature, specs]) => ({
    what: `signature ${signature}, all inputs zero`,
    signature,
    inputs: zeros(specs),
  }));
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
export async function written(directory: string, file: string, model: ServedModel): Promise<Ask[]> {
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
function decode(body: object, model: ServedModel): Pick<Ask, 'signature' | 'inputs' | 'request'> {
  const text = JSON.stringify(body);
  const v1 = Object.hasOwn(body, 'instances') || Object.hasOwn(body, 'signature_name');
  const { signature, inputs } = v1 ? decodePredict(jsonTextOf(text), model) : decodeInfer(frameOf(text), model);
  return { signature, inputs, request: { protocol: v1 ? 'v1' : 'v2', body } };
}

/** @throws FatalError WarmupFailed */
async function recorded(directory: string, model: ServedModel): Promise<Ask[]> {
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
  return specs.map(({ name, dtype, shape, unknownRank }) => {
    const tensor = given.find((input) => input.name === name);
    const fits =
      tensor?.dtype === dtype &&
      (unknownRank ||
        (tensor.shape.length === shape.length &&
          tensor.shape.every((size, i) => shape[i] === -1 || shape[i] === size)));
    if (fits) return tensor;
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
