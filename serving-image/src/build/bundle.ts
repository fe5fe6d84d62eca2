import { cp, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const source = fileURLToPath(new URL('..', import.meta.url));

/**
 * An ES module that imports node:http makes node look at each of its exports, and so load all that it has for fetch and
 * WebSocket: 10 MiB and 25 ms of every process. What is required is not looked at.
 */
const requiredHttp: Plugin = {
  name: 'required-http',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^node:https?$/ }, ({ path, namespace }) =>
      namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    );
    bundle.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** tfjs-core asks for node-fetch only where there is no fetch: 375 KB that would be read at every start. */
const withoutFetch: Plugin = {
  name: 'without-fetch',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^node-fetch$/ }, ({ path }) => ({ path, namespace: 'nothing' }));
    bundle.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }));
  },
};

/** How all code of the server is put together. */
export const BUNDLING = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.12',
  // Also writes the values of enums into the code, which the reader of numbers lives on.
  minifySyntax: true,
  logLevel: 'warning',
} as const;

/**
 * Bundles the server, or another program in the same way, into `outdir`: main.mjs, one file per part that is loaded on demand, and wasm/. Only TensorFlow's
 * addon stays outside; see engines/tensorflow/addon.ts for where it is looked for.
 */
export async function bundleServer(
  outdir: string,
  entryPoints: Record<string, string> = { main: join(source, 'main.ts') },
): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  await build({
    ...BUNDLING,
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    plugins: [requiredHttp, withoutFetch],
    // tfjs' kernels register themselves on import, which its packages call free of side effects.
    ignoreAnnotations: true,
    // What CommonJS modules inside the bundle take for granted.
    banner: {
      js: [
        "import { createRequire as __createRequire } from 'node:module';",
        "import { dirname as __dirnameOf } from 'node:path';",
        "import { fileURLToPath as __pathOf } from 'node:url';",
        'const require = __createRequire(import.meta.url);',
        'const __filename = __pathOf(import.meta.url);',
        'const __dirname = __dirnameOf(__filename);',
      ].join('\n'),
    },
    alias: {
      // All that the kernels of tfjs-node use of it.
      '@tensorflow/tfjs': '@tensorflow/tfjs-core',
    },
  });
  const wasm = dirname(
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm'),
  );
  await mkdir(join(outdir, 'wasm'));
  for (const name of [
    'tfjs-backend-wasm.wasm',
    'tfjs-backend-wasm-simd.wasm',
    'tfjs-backend-wasm-threaded-simd.wasm',
  ]) {
    await cp(join(wasm, name), join(outdir, 'wasm', name));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleServer(process.argv[2] ?? join(source, '../dist'));
}
