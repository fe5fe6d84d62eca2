import { listFiles } from '@modeldeployment/modelpack';
import type { BatchLimits } from '../batching/executor.ts';
import { startEngine } from '../engines/index.ts';
import { findModel, type Choice } from './repository.ts';
import type { EngineName, Predictor, ServedModel } from './types.ts';
import { warmUp } from './warmup.ts';

export interface LoadedModel {
  model: ServedModel;
  predictor: Predictor;
  loadSeconds: number;
  warmupSeconds: number;
  /** Size of the files. */
  modelBytes: number;
  /** What did not go well and does not matter, in words. */
  notes: readonly string[];
}

const DEFAULT_SIGNATURE = 'serving_default';

/** From a folder to a model that has answered. @throws FatalError */
export async function loadModel(
  choice: Choice & { engine: EngineName | 'auto'; limits: Pick<BatchLimits, 'batchRows'> },
): Promise<LoadedModel> {
  const started = performance.now();
  const folder = await findModel(choice);
  const engine = await startEngine(choice.engine, folder.format);
  const predictor = await engine.load(folder);
  const { signatures } = predictor;
  const defaultSignature = signatures.has(DEFAULT_SIGNATURE)
    ? DEFAULT_SIGNATURE
    : ([...signatures.keys()][0] ?? DEFAULT_SIGNATURE);
  const { name, version, format } = folder;
  const model: ServedModel = { name, version, format, engine: engine.name, signatures, defaultSignature };
  const loaded = performance.now();
  // What a single request has, and a full batch.
  const batchSizes = [...new Set([1, choice.limits.batchRows])];
  const notes = await warmUp(predictor, model, folder.directory, batchSizes);
  return {
    model,
    predictor,
    loadSeconds: (loaded - started) / 1000,
    notes,
    modelBytes: (await listFiles(folder.directory)).reduce((sum, { size }) => sum + size, 0),
    warmupSeconds: (performance.now() - loaded) / 1000,
  };
}
