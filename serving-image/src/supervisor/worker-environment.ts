/** How the supervisor starts its workers: what it tells them of its own settings, and what suits a process with one core. */
import { ENV } from '@modeldeployment/modelpack';
import { ANY, ENGINE_CHOICE, OWN_ENV, TAKES_ORDERS, TRIES_NOTHING, type Environment } from '../config.ts';
import type { EngineChoice } from '../model/types.ts';

/**
 * Flags of node for a worker, which has about one core: V8's threads that collect garbage would take it from the thread that
 * serves, for tens of milliseconds at a time. On that thread itself the same work takes a few.
 */
export const WORKER_FLAGS: readonly string[] = ['--single-threaded-gc'];

/**
 * Environment of a worker, which serves one version. TensorFlow would start a thread per core in each of them; with one worker per core one
 * thread is quicker, and a user's own choice stands.
 */
export function workerEnvironment(
  model: { name: string; version: string; engineChoice?: EngineChoice | undefined; triesNothing?: boolean },
  env: Environment = process.env,
): Record<string, string | undefined> {
  return {
    TF_NUM_INTRAOP_THREADS: '1',
    TF_NUM_INTEROP_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
    TF_ENABLE_ONEDNN_OPTS: '0',
    ...env,
    [ENV.name]: model.name,
    [ENV.version]: model.version,
    [OWN_ENV.policy]: undefined,
    [OWN_ENV.control]: undefined,
    [OWN_ENV.loadModels]: undefined,
    [TAKES_ORDERS]: env[OWN_ENV.control]?.trim() === 'explicit' ? env[ENV.name]?.trim() || ANY : undefined,
    [TRIES_NOTHING]: model.triesNothing ? 'true' : undefined,
    [ENGINE_CHOICE]: model.engineChoice && JSON.stringify(model.engineChoice),
  };
}
