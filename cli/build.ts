import { chmod, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const here = new URL('.', import.meta.url).pathname;

/** Where the plugin is built to. */
export const CLI = `${here}dist/kubectl-mdep`;

/** Bundles the plugin into one executable file; answers its path. On PATH, kubectl finds it as `kubectl mdep`. */
export async function buildCli(): Promise<string> {
  await build({
    entryPoints: [`${here}src/main.ts`],
    outfile: CLI,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minify: true,
    logLevel: 'warning',
    banner: { js: '#!/usr/bin/env node' },
  });
  // The file has no ending: beside a package.json of type module, node would take it for one.
  await writeFile(`${here}dist/package.json`, '{"type": "commonjs"}\n');
  await chmod(CLI, 0o755);
  return CLI;
}
