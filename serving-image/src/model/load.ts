import { startEngine } from '../engines/index.ts';
import { findModel, type Choice } from './repository.ts';
import type { EngineName, Predictor, ServedModel } from './types.ts';
import { warmUp } from './warmup.ts';

export interface LoadedModel {
  model: ServedModel;
  predictor: Predictor;
  /** Folder of the version that is served. */
  directory: string;
  loadSeconds: number;
  warmupSeconds: number;
}

const DEFAULT_SIGNATURE = 'serving_default';

/** From a folder to a model that has answered. @throws FatalError */
export async function loadModel(choice: Choice & { engine: EngineName | 'auto' }): Promise<LoadedModel> {
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
  await warmUp(predictor, model, folder.directory);
  return {
    model,
    predictor,
    directory: folder.directory,
    loadSeconds: (loaded - started) / 1000,
    warmupSeconds: (performance.now() - loaded) / 1000,
  };
}
