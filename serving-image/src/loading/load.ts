import { listFiles } from '@modeldeployment/modelpack';
import { chooseEngine } from './choose-engine.ts';
import type { BatchLimits } from '../batching/executor.ts';
import { startEngine } from '../engines/index.ts';
import { findModel, type Choice } from './repository.ts';
import { servedModel } from '../model/served.ts';
import type { EngineChoice, EngineName, Judgement, Predictor, ServedModel } from '../model/types.ts';
import { warmUp, type Joining, type WarmedUp, type WarmUp } from './warmup.ts';

export interface LoadedModel extends WarmedUp {
  model: ServedModel;
  predictor: Predictor;
  /** Folder of the version that is served. */
  directory: string;
  /** What the graph tells of each signature. */
  judged: ReadonlyMap<string, Judgement>;
  loadSeconds: number;
  warmupSeconds: number;
  /** Size of the files. */
  modelBytes: number;
}

/** Trying rows together takes no longer than loading did, or so long in milliseconds: a worker that replaces another must be quick. */
const LEAST_BUDGET_MS = 2000;

/** `known`: an earlier choice of the engine for this very model; `trying`: see WarmUp. @throws FatalError */
export async function loadModel(
  choice: Choice & {
    engine: EngineName | 'auto';
    joining: Joining;
    loadSeconds: number;
    limits: Pick<BatchLimits, 'batchRows'>;
  },
  { known, trying }: { known: EngineChoice | undefined; trying: WarmUp['trying'] },
): Promise<LoadedModel> {
  const started = performance.now();
  const folder = await findModel(choice);
  const chosen = known ?? (await chooseEngine(choice.engine, folder, choice.loadSeconds));
  const engine = await startEngine(chosen.engine);
  const began = performance.now();
  const predictor = await engine.load(folder);
  const model = servedModel(folder, chosen, predictor.signatures);
  const loaded = performance.now();
  const warmedUp = await warmUp({
    ...{ predictor, model, directory: folder.directory, joining: choice.joining },
    batchRows: choice.limits.batchRows,
    budgetMs: Math.max(LEAST_BUDGET_MS, loaded - began),
    judged: folder.judged,
    trying,
  });
  engine.settle?.();
  return {
    model,
    predictor,
    directory: folder.directory,
    judged: folder.judged,
    loadSeconds: (loaded - started) / 1000,
    ...warmedUp,
    notes: [...folder.refused, ...warmedUp.notes],
    modelBytes: (await listFiles(folder.directory)).reduce((sum, { size }) => sum + size, 0),
    warmupSeconds: (performance.now() - loaded) / 1000,
  };
}
