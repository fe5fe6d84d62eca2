import { fork } from 'node:child_process';
import { cpuQuota } from '../cores.ts';
import {
  type EngineChoice,
  type EngineName,
  type FailureReport,
  type Measurement,
  type ModelFolder,
} from '../model/types.ts';
import { ChoiceBudget } from './choice-budget.ts';
import { firstAble, pickEngine, type Excluded } from './engine-choice.ts';
import { candidates } from '../engines/index.ts';
import { addonPath } from '../addon.ts';
import { FatalError } from '../errors.ts';

/** What a process that measures an engine says: once when the model has answered or refused a first request, and once at the end. */
export type Measured =
  | { startedMs: number }
  /** It goes on with a request that is made up: should that end it, nothing is told against the engine. */
  | { trying: true }
  | { measurement: Measurement }
  /** The model runs, but no request is known that it takes. */
  | { unmeasured: string }
  | { failure: FailureReport };

/** Name of the command of this program that measures one engine and ends. */
export const MEASURE = 'measure';

/**
 * Chooses the engine of a model. Where several may run it they are measured with the model itself, each in a process of
 * its own: what one leaves behind (TensorFlow alone takes 300 MB), or breaks, ends with it. One that is slow is not unable: when
 * time is up, the choice is among those that were measured, and the first that did not fail if none was.
 * @throws FatalError when none can
 */
export async function chooseEngine(
  wanted: EngineName | 'auto',
  folder: ModelFolder,
  loadSeconds: number,
): Promise<EngineChoice> {
  const [first, ...others] = candidates(wanted, folder.format, addonPath('session') !== undefined);
  if (first && others.length === 0) {
    const reason = wanted === 'auto' ? `a ${folder.format} runs on ${first} only` : 'it was asked for';
    return { engine: first, reason };
  }
  const budget = new ChoiceBudget(loadSeconds * 1000, cpuQuota());
  const measurements: Measurement[] = [];
  const able: Excluded[] = [];
  const unable: Excluded[] = [];
  for (const engine of first ? [first, ...others] : []) {
    const left = budget.leftMs();
    const outcome = left > 0 ? await measure(engine, folder, left, budget.isFirst) : { outOfTime: true as const };
    if ('failure' in outcome) {
      const { reason, message } = outcome.failure;
      // The model is at fault, whatever the engine.
      if (reason !== 'ModelLoadFailed') throw new FatalError(reason, message);
      unable.push({ engine, because: message });
      continue;
    }
    if ('measurement' in outcome) measurements.push(outcome.measurement);
    else
      able.push({ engine, because: 'unmeasured' in outcome ? outcome.unmeasured : 'there was no time to measure it' });
    budget.found('startedMs' in outcome ? (outcome.startedMs ?? 0) : 0);
  }
  const choice = pickEngine(measurements, [...able, ...unable]) ?? firstAble(able, unable);
  if (choice) return choice;
  const why = unable.map(({ engine, because }) => `${engine}: ${because}`).join('; ');
  throw new FatalError('ModelLoadFailed', `no engine can run the model (${why})`);
}

type Outcome = (Exclude<Measured, { startedMs: number } | { trying: true }> | { outOfTime: true }) & {
  startedMs?: number;
};

/** Where `first`, the time is that until it has answered once; what it is measured for then is short. */
function measure(engine: EngineName, folder: ModelFolder, limitMs: number, first: boolean): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = fork(process.argv[1] ?? '', [MEASURE, engine], { serialization: 'advanced' });
    const timer = setTimeout(() => {
      resolve({ outOfTime: true });
      child.kill('SIGKILL');
    }, limitMs);
    let started: { startedMs?: number } = {};
    let trying = false;
    child.on('message', (message) => {
      const measured = message as Measured;
      if ('trying' in measured) trying = true;
      else if ('startedMs' in measured) {
        started = measured;
        if (first) clearTimeout(timer);
      } else resolve({ ...measured, ...started });
    });
    child.once('error', () => undefined);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      // A promise that is resolved already stays so.
      const ended = `it ended with ${signal ?? code}`;
      if (trying) resolve({ unmeasured: `${ended} when it was asked what was made up for it` });
      else resolve({ failure: { reason: 'ModelLoadFailed', message: ended } });
    });
    child.send(folder, () => undefined);
  });
}
