/** A process of its own: loads a model on one engine, takes the time of a few runs, says so and ends. */
import { isBatched, repeated } from '../model/rows.ts';
import { servedModel } from '../model/served.ts';
import {
  FatalError,
  type EngineName,
  type Measurement,
  type ModelFolder,
  type Predictor,
  type ServedModel,
  type Tensor,
} from '../model/types.ts';
import { ownRequests } from '../model/own-requests.ts';
import { askMadeUp } from '../model/warmup.ts';
import type { Measured } from './choose.ts';
import { startEngine } from './index.ts';

/** Rows of the batch, as large as batches get by default. */
const BATCH_ROWS = 32;
/** Runs until this much time has passed, and at least as many as LEAST_RUNS if a run is not that long by itself. */
const ENOUGH_MS = 100;
const LEAST_RUNS = 3;

/** Waits for a model folder on the channel to the parent, and answers how quick `engine` is with it. */
export async function answerMeasurement(engine: EngineName): Promise<number> {
  const folder = await new Promise<ModelFolder>((resolve) => process.once('message', resolve));
  const measured = await measure(engine, folder).then(
    (measurement): Measured => ({ measurement }),
    (error: Error): Measured => ({
      failure: { reason: error instanceof FatalError ? error.reason : 'ModelLoadFailed', message: error.message },
    }),
  );
  await new Promise((sent) => process.send?.(measured, sent));
  return process.exit(0);
}

async function measure(name: EngineName, folder: ModelFolder): Promise<Measurement> {
  const engine = await startEngine(name);
  const predictor = await engine.load(folder);
  const model = servedModel(folder, { engine: name, reason: '' }, predictor.signatures);
  const { signature, inputs } = await requestOf(predictor, model, folder.directory);
  const batched = isBatched(model.signatures.get(signature));
  const rows = (count: number) => (batched ? repeated(inputs, count) : inputs);
  const oneMs = await time(predictor, signature, rows(1));
  const batchMs = batched ? await time(predictor, signature, rows(BATCH_ROWS)) : oneMs;
  return { engine: name, oneMs, batchMs, batchRows: batched ? BATCH_ROWS : 1 };
}

/** One of the model's own, of its default signature where it has one, or one that is made up. */
async function requestOf(
  predictor: Predictor,
  model: ServedModel,
  directory: string,
): Promise<{ signature: string; inputs: Tensor[] }> {
  const own = await ownRequests(directory, model);
  const request = own.find(({ signature }) => signature === model.defaultSignature) ?? own[0];
  if (request) return request;
  const [signature, specs] = [model.defaultSignature, model.signatures.get(model.defaultSignature)];
  if (!specs) throw new FatalError('ModelLoadFailed', 'the model has no signature to measure');
  const made = await askMadeUp(predictor, signature, specs);
  if ('refusal' in made) throw new FatalError('ModelLoadFailed', made.refusal);
  return { signature, inputs: made.inputs };
}

/** Time of a run in milliseconds, of the quicker ones: what else the machine does only ever adds. As many warm up. */
async function time(predictor: Predictor, signature: string, inputs: Tensor[]): Promise<number> {
  await runs(predictor, signature, inputs);
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
