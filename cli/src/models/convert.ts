import { spawn } from 'node:child_process';
import { cp, readdir } from 'node:fs/promises';
import { ModelError } from '@modeldeployment/modelpack';
import { prepareModel } from '@modeldeployment/modelpack/prepare';
import { checkedModel } from './check.ts';
import { formatSignatures } from './format.ts';

/** Keras itself loads the model, with the code that is in it, and exports it. */
const EXPORT = `
import sys
try:
    import keras
except ImportError:
    from tensorflow import keras
path, out = sys.argv[1:]
try:
    model = keras.models.load_model(path, compile=False, safe_mode=False)
except TypeError:
    model = keras.models.load_model(path, compile=False)
model.export(out) if hasattr(model, "export") else model.save(out)
`;

/** Writes what the server would serve into a new folder. Throws ModelError. */
export async function convert(path: string, out: string, { python }: { python?: string }): Promise<void> {
  const there = await readdir(out).catch(() => []);
  if (there.length > 0) throw new ModelError('BadConfiguration', `${out} is not empty; name a new folder`);
  if (python !== undefined) await byPython(python, path, out);
  else {
    const prepared = await prepareModel(path);
    await cp(prepared.folder, out, { recursive: true }).finally(prepared.close);
  }
  const info = await checkedModel(out);
  console.log(`${out}: ${info.format}\n${formatSignatures(info)}`);
}

function byPython(python: string, path: string, out: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // What it prints is for people, as the progress is.
    const child = spawn(python, ['-c', EXPORT, path, out], { stdio: ['ignore', 2, 2] });
    const failed = (why: string): void =>
      reject(new ModelError('ModelLoadFailed', `${python} could not convert ${path}: ${why}`));
    child.once('error', (error) => failed(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else failed(`it ended with ${code ?? signal}; what it said is above`);
    });
  });
}
