/** Builds our two images on a machine that reaches no image registry, and pushes them to the cluster's own. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { bundleServer } from '../../serving-image/src/build/bundle.ts';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { ensureBaseImage } from './base.ts';
import { buildah, imageCache, type Log } from './buildah.ts';
import { contentKey } from './key.ts';
import type { Image } from './push.ts';

export { pushImage, type Image, type ImageRegistry } from './push.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What every image depends on besides its own sources. */
const COMMON = ['package-lock.json', 'modelpack/src', 'e2e/images'];
/** Images of earlier sources that are kept, so that going back and forth between two builds nothing. */
const KEEP = 3;

interface Options {
  log?: Log;
}

/** The operator's image: the base and one file. */
export function buildOperatorImage({ log = () => undefined }: Options = {}): Promise<Image> {
  const key = contentKey(ROOT, [...COMMON, 'operator/Dockerfile', 'operator/src']);
  return cached('modeldeployment-operator', key, async (layout) => {
    const base = await ensureBaseImage(log);
    log('bundling the operator');
    await withFolder('operator-', async (dist) => {
      await bundleOperator(join(dist, 'main.cjs'));
      log('building the image');
      await buildLayout({
        dockerfile: 'operator/Dockerfile',
        context: dist,
        args: { BASE: base },
        contexts: {},
        layout,
      });
    });
  });
}

/** The serving image: the base, TensorFlow's library, and our bundle. */
export function buildServingImage({ log = () => undefined }: Options = {}): Promise<Image> {
  const key = contentKey(ROOT, [...COMMON, 'serving-image/Dockerfile', 'serving-image/native', 'serving-image/src']);
  return cached('modeldeployment-server', key, async (layout) => {
    const [base, native] = await Promise.all([ensureBaseImage(log), ensureNative(log)]);
    log('bundling the server');
    await withFolder('server-', async (app) => {
      await bundleServer(app);
      log('building the image');
      const contexts = { native, app };
      await buildLayout({
        dockerfile: 'serving-image/Dockerfile',
        context: app,
        args: { BASE: base },
        contexts,
        layout,
      });
    });
  });
}

/**
 * Of @kubernetes/client-node the operator uses KubeConfig only. The package does not say that its modules have no side
 * effects, so without this all of its generated clients end up in the bundle: 14 MB.
 */
const shakeClientNode: Plugin = {
  name: 'shake-client-node',
  setup: (bundle) => {
    bundle.onResolve({ filter: /.*/ }, async ({ path, importer, pluginData, ...rest }) => {
      if (pluginData === 'resolved' || !`${importer} ${path}`.includes('@kubernetes/client-node')) return undefined;
      const found = await bundle.resolve(path, { ...rest, importer, pluginData: 'resolved' });
      return found.path.includes('@kubernetes/client-node') ? { ...found, sideEffects: false } : found;
    });
  },
};

async function bundleOperator(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(ROOT, 'operator/src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    // An ES module that imports node:http loads all that node has for fetch too: 10 MiB.
    format: 'cjs',
    target: 'node20.12',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    plugins: [shakeClientNode],
  });
}

/** Answers the image of this content, making it when it is not there; whole or not at all. */
async function cached(name: string, key: string, make: (layout: string) => Promise<void>): Promise<Image> {
  const folder = join(imageCache(), 'layouts', name);
  const layout = join(folder, key);
  const image: Image = { name, tag: key, layout };
  if (existsSync(join(layout, 'index.json'))) return image;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.making-'));
  try {
    await make(work);
    rmSync(layout, { recursive: true, force: true });
    renameSync(work, layout);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  forgetOld(folder);
  return image;
}

interface Build {
  /** From the root of the repository. */
  dockerfile: string;
  context: string;
  args: Record<string, string>;
  /** Folders that stand in for stages of the Dockerfile. */
  contexts: Record<string, string>;
  layout: string;
}

async function buildLayout({ dockerfile, context, args, contexts, layout }: Build): Promise<void> {
  const tag = `localhost/${dockerfile.split('/')[0] ?? ''}:latest`;
  await buildah([
    'build',
    '--layers',
    '--format=oci',
    '--pull=never',
    ...Object.entries(args).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...Object.entries(contexts).map(([name, folder]) => `--build-context=${name}=${folder}`),
    `--tag=${tag}`,
    `--file=${join(ROOT, dockerfile)}`,
    context,
  ]);
  await buildah(['push', '--quiet', '--compression-format=zstd', tag, `oci:${layout}`]);
}

function forgetOld(folder: string): void {
  const made = readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ path: join(folder, name), time: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of made.slice(KEEP)) rmSync(path, { recursive: true, force: true });
}

async function withFolder(prefix: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(imageCache(), prefix));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
