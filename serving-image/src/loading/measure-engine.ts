/** A process of its own: loads a model on one engine, takes the time of a few runs, says so and ends. */
import { ownRequests } from './own-requests.ts';
import { isBatched, repeated } from '../model/rows.ts';
import { mayBeTried, servedModel } from '../model/served.ts';
import { type EngineName, type ModelFolder, type Predictor, type ServedModel, type Tensor } from '../model/types.ts';
import { askMadeUp } from './warmup.ts';
import type { Measured } from './choose-engine.ts';
import { startEngine } from '../engines/index.ts';
import { FatalError, RunError } from '../errors.ts';

/** Rows of the batch, as large as batches get by default. */
const BATCH_ROWS = 32;
/** Runs until this much time has passed, and at least as many as LEAST_RUNS if a run is not that long by itself. */
const ENOUGH_MS = 100;
const LEAST_RUNS = 3;
/** A run that takes longer is not repeated: its time is known well enough. */
const LONG_MS = 500;

/** Waits for a model folder on the channel to the parent, and answers how quick `engine` is with it. */
export async function answerMeasurement(engine: EngineName): Promise<number> {
  const folder = await new Promise<ModelFolder>((resolve) => process.once('message', resolve));
  const say = (measured: Measured) => new Promise((sent) => process.send?.(measured, sent));
  const measured = await measure(engine, folder, say).catch((error: Error): Measured => ({
    failure: { reason: error instanceof FatalError ? error.reason : 'ModelLoadFailed', message: error.message },
  }));
  await say(measured);
  return process.exit(0);
}

async function measure(
  name: EngineName,
  folder: ModelFolder,
  say: (measured: Measured) => Promise<unknown>,
): Promise<Measured> {
  const engine = await startEngine(name);
  const predictor = await engine.load(folder);
  const model = servedModel(folder, { engine: name, reason: '' }, predictor.signatures);
  const request = await requestOf(predictor, model, folder, () => say({ trying: true }));
  // Since the process began.
  await say({ startedMs: performance.now() });
  if (!request) return { unmeasured: 'each of its signatures changes what later requests are answered' };
  if ('refusal' in request) {
    if (LACKING.test(request.refusal)) throw new FatalError('ModelLoadFailed', request.refusal);
    return { unmeasured: `it refuses the requests made up for it (${request.refusal})` };
  }
  const { signature, inputs } = request;
  const batched = isBatched(model.signatures.get(signature));
  const rows = (count: number) => (batched ? repeated(inputs, count) : inputs);
  const oneMs = await time(predictor, signature, rows(1));
  const batchRows = batched ? Math.max(1, Math.min(BATCH_ROWS, Math.floor(LONG_MS / oneMs))) : 1;
  try {
    const batchMs = batchRows > 1 ? await time(predictor, signature, rows(batchRows)) : oneMs;
    return { measurement: { engine: name, oneMs, batchMs, batchRows } };
  } catch (error) {
    // It takes one row, which is all that anybody has asked of it.
    if (!(error instanceof RunError)) throw error;
    return { measurement: { engine: name, oneMs, batchMs: oneMs, batchRows: 1 } };
  }
}

/** How TensorFlow.js says that a backend has no such operation, which no other request would help. */
const LACKING = /Kernel '\w+' not registered|not yet implemented|is not a function/;

/** One of the model's own, of its default signature where it has one, or one that is made up and that it takes; none where it may not be asked. */
async function requestOf(
  predictor: Predictor,
  model: ServedModel,
  { directory, judged }: ModelFolder,
  trying: () => Promise<unknown>,
): Promise<{ signature: string; inputs: Tensor[] } | { refusal: string } | undefined> {
  const own = (await ownRequests(directory, model)).filter(({ signature }) => mayBeTried(judged, signature));
  const request = own.find(({ signature }) => signature === model.defaultSignature) ?? own[0];
  if (request) {
    await predictor.predict(request.signature, request.inputs);
    return request;
  }
  const tried = [...model.signatures].filter(([signature]) => mayBeTried(judged, signature));
  const [signature, specs] = tried.find(([name]) => name === model.defaultSignature) ?? tried[0] ?? [];
  if (signature === undefined || !specs) return undefined;
  await trying();
  const made = await askMadeUp(predictor, signature, specs, judged.get(signature)?.examples);
  return 'refusal' in made ? made : { signature, inputs: made.inputs };
}

/** Time of a run in milliseconds, of the quicker ones: what else the machine does only ever adds. As many warm up. */
async function time(predictor: Predictor, signature: string, inputs: Tensor[]): Promise<number> {
  const [first = 0] = await runs(predictor, signature, inputs);
  if (first > LONG_MS) return first;
  const times = (await runs(predictor, signature, inputs)).sort((a, b) => a - b);
  return times[times.length >> 2] ?? 0;
}

async function runs(predictor: Predictor, signature: string, inputs: Tensor[]): Promise<number[]> {
  const times: number[] = [];
  let total = 0;
  while (total < ENOUGH_MS || (times.length < LEAST_RUNS && total < LEAST_RUNS * ENOUGH_MS)) {
    const started = performance.now();
    await predictor.predict(signature, inputs);
    const took = performance.now() - started;
    times.push(took);
    total += took;
  }
  return times;
}
