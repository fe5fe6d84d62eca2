import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where native/build.sh leaves the addons inside an installed @tensorflow/tfjs-node. */
const FOLDER = 'node_modules/@tensorflow/tfjs-node/lib/napi-v8';

/** `session` is ours and runs SavedModels, `tfjs_binding` that of tfjs-node; `numbers` reads numbers and is never needed. */
export type Addon = 'session' | 'tfjs_binding' | 'numbers';

/** Path of an addon, looked for upwards from this program; undefined when it is not installed. */
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

/** What an addon exports; undefined when it is not installed. */
export function loadAddon(addon: Addon): unknown {
  const path = addonPath(addon);
  return path === undefined ? undefined : createRequire(import.meta.url)(path);
}
