import { type Engine, type EngineName, type ModelFormat } from '../model/types.ts';
import { FatalError } from '../errors.ts';

/** Engines are imported when chosen: TensorFlow's takes hundreds of megabytes, and may not be installed. */
const START: Record<EngineName, () => Promise<Engine>> = {
  tensorflow: async () => (await import('./tensorflow/index.ts')).tensorflow(),
  wasm: async () => (await import('./wasm.ts')).wasm(),
  cpu: async () => (await import('./cpu.ts')).cpu(),
};

/** Engines that may run a model. Pure. @throws FatalError BadConfiguration */
export function candidates(wanted: EngineName | 'auto', format: ModelFormat, native: boolean): EngineName[] {
  if (format === 'SavedModel' && wanted !== 'auto' && wanted !== 'tensorflow') {
    throw new FatalError(
      'BadConfiguration',
      `a SavedModel runs on the engine tensorflow only, not on ${wanted}; convert it with tensorflowjs_converter or set the engine to auto`,
    );
  }
  if (!native && (format === 'SavedModel' || wanted === 'tensorflow')) {
    throw new FatalError(
      'BadConfiguration',
      'the engine tensorflow needs the native library, which is not installed; run serving-image/native/build.sh',
    );
  }
  if (wanted !== 'auto') return [wanted];
  return format === 'SavedModel' ? ['tensorflow'] : [...(native ? (['tensorflow'] as const) : []), 'wasm', 'cpu'];
}

/** @throws FatalError ModelLoadFailed when it does not start on this machine */
export async function startEngine(name: EngineName): Promise<Engine> {
  try {
    return await START[name]();
  } catch (error) {
    throw new FatalError('ModelLoadFailed', `the engine ${name} did not start: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
