/**
 * Small measurements of single parts: `npx tsx bench/micro/main.ts [numbers | check COUNT | check floats]`.
 * Bundled as the server is, because the bundler's work on the code is part of its speed.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from '../../serving-image/src/build/bundle.ts';
import { ensureNative } from '../../serving-image/src/build/native.ts';

await ensureNative(() => undefined);
// Inside the checkout, where the addon is found.
const dist = fileURLToPath(new URL('../../serving-image/dist', import.meta.url));
await mkdir(dist, { recursive: true });
const folder = await mkdtemp(join(dist, 'bench-'));
try {
  const outfile = join(folder, 'numbers.mjs');
  const entry = fileURLToPath(new URL('numbers.ts', import.meta.url));
  await build({ ...BUNDLING, entryPoints: [entry], outfile });
  const { main } = (await import(outfile)) as { main: (args: string[]) => void };
  main(process.argv.slice(2));
} finally {
  await rm(folder, { recursive: true });
}
