import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where native/build.sh leaves the addons inside an installed @tensorflow/tfjs-node. */
const FOLDER = 'node_modules/@tensorflow/tfjs-node/lib/napi-v8';

/** `session` is ours and runs SavedModels, `tfjs_binding` that of tfjs-node. */
export type Addon = 'session' | 'tfjs_binding';

/** Path of an addon on TensorFlow, looked for upwards from this program; undefined when it is not installed. */
export function addonPath(addon: Addon): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, FOLDER, `${addon}.node`);
    if (existsSync(path)) return path;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
