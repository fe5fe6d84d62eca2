/**
 * npm run serve -- FOLDER [--http N] [--grpc N] [--admin N] [--workers N]
 *
 * Serves a model repository, or the one model in FOLDER, from this checkout with the native engine, on loopback. Settings of the
 * server (docs/reference/server.md) are taken from the environment. Ctrl-C drains it and ends.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleServer } from '../serving-image/src/build/bundle.ts';
import { ensureNative } from '../serving-image/src/build/native.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    http: { type: 'string', default: '8080' },
    grpc: { type: 'string', default: '8081' },
    admin: { type: 'string', default: '9090' },
    workers: { type: 'string', default: '1' },
  },
});
const [given] = positionals;
if (given === undefined) throw new Error('which folder? npm run serve -- FOLDER [--http N] [--grpc N] [--admin N]');
const folder = resolve(process.env['INIT_CWD'] ?? '.', given);

/** Files that make a folder a model, not a repository of models. */
const MODEL_FILES = ['saved_model.pb', 'model.json'];
/** Characters that the name of a model may have. */
const NAMELESS = /[^\w.-]/g;

await ensureNative(console.log);
// Inside the checkout, where the addons are found.
const parent = fileURLToPath(new URL('../serving-image/dist', import.meta.url));
await mkdir(parent, { recursive: true });
const dist = await mkdtemp(join(parent, 'serve-'));
const made = await mkdtemp(join(tmpdir(), 'models-'));
try {
  await bundleServer(dist);
  const repository = (await readdir(folder)).some((name) => MODEL_FILES.includes(name))
    ? await repositoryOf(folder)
    : folder;
  const { http, grpc, admin, workers } = values;
  console.log(
    `REST at http://127.0.0.1:${http}, gRPC at 127.0.0.1:${grpc}, metrics at http://127.0.0.1:${admin}/metrics`,
  );
  const server = spawn(process.execPath, [join(dist, 'main.mjs'), 'serve'], {
    env: {
      HOST: '127.0.0.1',
      DRAIN_SECONDS: '0',
      ...process.env,
      MODEL_REPOSITORY: repository,
      HTTP_PORT: http,
      GRPC_PORT: grpc,
      ADMIN_PORT: admin,
      WORKERS: workers,
      TERMINATION_LOG: join(made, 'termination-log'),
    },
    stdio: 'inherit',
  });
  // Ctrl-C reaches the server as well, which drains; this program waits for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal));
  process.exitCode = await new Promise<number>((ended) => server.on('close', (code) => ended(code ?? 1)));
} finally {
  await rm(dist, { recursive: true, force: true });
  await rm(made, { recursive: true, force: true });
}

/** A repository with the model as version 1 of its folder's name. */
async function repositoryOf(model: string): Promise<string> {
  const name = basename(model).replace(NAMELESS, '_');
  await mkdir(join(made, 'repository', name), { recursive: true });
  await symlink(model, join(made, 'repository', name, '1'));
  return join(made, 'repository');
}
