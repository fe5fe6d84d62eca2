import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareModel } from '@modeldeployment/modelpack/prepare';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { exec, ExecError } from '../../tools/exec.ts';
import { Progress } from '../../tools/progress.ts';
import { clientsPython } from '../../tools/python.ts';
import { answersAsKeras } from './native.ts';

/**
 * npm run keras [-- NAME…]: models of Keras, one for each layer and choice of its arguments, with weights that are all of them
 * random, saved by Keras as .h5 and .keras, converted, and run by the server's engine and by TensorFlow itself beside what Keras
 * answers. They are made in the Python environment of `npm run clients`.
 */
const HERE = fileURLToPath(new URL('.', import.meta.url));
const FORMATS = ['h5', 'keras'] as const;

/** As it is pushed. */
async function convert(at: string, format: (typeof FORMATS)[number]): Promise<void> {
  const prepared = await prepareModel(join(at, `model.${format}`));
  try {
    await cp(prepared.folder, join(at, format), { recursive: true });
  } finally {
    await prepared.close();
  }
}

/** What is wrong with one model, in lines. */
async function tryModel(at: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const format of FORMATS) {
    try {
      await convert(at, format);
      wrong.push(...(await answersAsKeras(at, format)).map((what) => `.${format}: ${what}`));
    } catch (error) {
      wrong.push(`.${format}: ${(error as Error).message}`);
    }
  }
  return wrong;
}

async function main(): Promise<number> {
  // What TensorFlow tells of each load is of no interest here.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  const progress = new Progress();
  const named = process.argv.slice(2);
  await progress.step("TensorFlow's native half", () => ensureNative(() => undefined));
  const python = await progress.step('Keras, into an environment of its own', clientsPython);
  const folder = await mkdtemp(join(tmpdir(), 'keras-'));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '' };
  try {
    await progress.step('models of Keras', () => exec(python, [join(HERE, 'build.py'), folder, ...named], { env }));
    const names = (await readdir(folder)).sort();
    let failed = 0;
    for (const name of names) {
      const wrong = await tryModel(join(folder, name));
      if (wrong.length > 0) failed++;
      for (const what of wrong) console.log(`FAIL  ${name} ${what}`);
    }
    const tensorflow = await exec(python, [join(HERE, 'compare.py'), folder, ...names], {
      env,
      onLine: (line) => console.log(line),
    }).catch((error: unknown) => {
      if (error instanceof ExecError) return error.stdout;
      throw error;
    });
    const [, others = names.length] = /(\d+) failed/.exec(tensorflow) ?? [];
    const both = failed + Number(others);
    console.log(`${names.length - failed} of ${names.length} models passed, ${both} failed`);
    return both === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
