import { fork } from 'node:child_process';
import {
  FatalError,
  type EngineChoice,
  type EngineName,
  type FailureReport,
  type ModelFolder,
} from '../model/types.ts';
import type { Measurement } from '../model/types.ts';
import { pickEngine, type Excluded } from './choice.ts';
import { candidates } from './index.ts';
import { addonPath } from '../addon.ts';

/** What a process that measures an engine answers. */
export type Measured = { measurement: Measurement } | { failure: FailureReport };

/** Name of the command of this program that measures one engine and ends. */
export const MEASURE = 'measure';

/** An engine that has not loaded the model and answered by then is not worth waiting for. */
const LONGEST_MS = 20_000;

/**
 * Chooses the engine of a model. Where several may run it they are measured with the model itself, each in a process of
 * its own: what one leaves behind (TensorFlow alone takes 300 MB), or breaks, ends with it.
 * @throws FatalError when none can
 */
export async function chooseEngine(wanted: EngineName | 'auto', folder: ModelFolder): Promise<EngineChoice> {
  const [first, ...others] = candidates(wanted, folder.format, addonPath('session') !== undefined);
  if (first && others.length === 0) {
    const reason = wanted === 'auto' ? `a ${folder.format} runs on ${first} only` : 'it was asked for';
    return { engine: first, reason };
  }
  const measurements: Measurement[] = [];
  const excluded: Excluded[] = [];
  for (const engine of first ? [first, ...others] : []) {
    const measured = await measure(engine, folder);
    if ('measurement' in measured) {
      measurements.push(measured.measurement);
      continue;
    }
    const { reason, message } = measured.failure;
    // The model is at fault, whatever the engine.
    if (reason !== 'ModelLoadFailed') throw new FatalError(reason, message);
    excluded.push({ engine, because: message });
  }
  const choice = pickEngine(measurements, excluded);
  if (choice) return choice;
  const why = excluded.map(({ engine, because }) => `${engine}: ${because}`).join('; ');
  throw new FatalError('ModelLoadFailed', `no engine can run the model (${why})`);
}

function measure(engine: EngineName, folder: ModelFolder): Promise<Measured> {
  return new Promise((resolve) => {
    const child = fork(process.argv[1] ?? '', [MEASURE, engine], { serialization: 'advanced' });
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    child.once('message', (measured) => resolve(measured as Measured));
    child.once('error', () => undefined);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      // A promise that is resolved already stays so.
      const how =
        signal === 'SIGKILL' ? `it took longer than ${LONGEST_MS / 1000} s` : `it ended with ${signal ?? code}`;
      resolve({ failure: { reason: 'ModelLoadFailed', message: how } });
    });
    child.send(folder, () => undefined);
  });
}
