import { FatalError, type Engine, type EngineName, type ModelFormat } from '../model/types.ts';
import { addonPath } from './tensorflow/addon.ts';

/** Engines are imported when chosen: TensorFlow's takes hundreds of megabytes, and may not be installed. */
const START: Record<EngineName, () => Promise<Engine>> = {
  tensorflow: async () => (await import('./tensorflow/index.ts')).tensorflow(),
  wasm: async () => (await import('./wasm.ts')).wasm(),
  cpu: async () => (await import('./cpu.ts')).cpu(),
};

/** Engines to try, best first. Pure. @throws FatalError BadConfiguration, ModelLoadFailed */
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

/** Starts the first engine that starts. @throws FatalError */
export async function startEngine(wanted: EngineName | 'auto', format: ModelFormat): Promise<Engine> {
  const problems: string[] = [];
  for (const name of candidates(wanted, format, addonPath() !== undefined)) {
    try {
      return await START[name]();
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new FatalError('ModelLoadFailed', `no engine started (${problems.join('; ')})`);
}
