import { spawn } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { prepareModel } from '@modeldeployment/modelpack/prepare';
import { StateError } from '../errors.ts';
import { checkedModel } from './check.ts';
import { formatSignatures } from './format.ts';

export interface ServeOptions {
  /** Name of the model; by default that of the file or folder. */
  name?: string;
  /** Ports on loopback. */
  http: string;
  grpc: string;
  admin: string;
}

/**
 * Serves one model on this machine until `signal`, as the cluster would: by the serving image, in a container. Answers its exit code.
 *
 * @param imageOf the serving image, asked for when the model has been found good
 */
export async function serve(
  path: string,
  options: ServeOptions,
  imageOf: () => Promise<string>,
  signal: AbortSignal,
): Promise<number> {
  const model = await prepareModel(path);
  try {
    console.log(formatSignatures(await checkedModel(model.folder)));
    if (model.note !== undefined) console.log(model.note);
    const image = await imageOf();
    const name = options.name ?? nameOf(path);
    const { http, grpc, admin } = options;
    console.log(
      `\n${name} at http://127.0.0.1:${http}/v1/models/${name}:predict and /v2/models/${name}/infer, gRPC at 127.0.0.1:${grpc}, metrics at http://127.0.0.1:${admin}/metrics; Ctrl-C ends it\n`,
    );
    return await run(containerArgs({ ...options, image, name, folder: resolve(model.folder) }), signal);
  } finally {
    await model.close();
  }
}

/** A file or folder's name without its ending, in the characters that names of models have. */
export const nameOf = (path: string): string =>
  basename(resolve(path))
    .replace(/\.[^.]+$/, '')
    .replace(/[^\w.-]/g, '_') || 'model';

/** Arguments of `docker run` or `podman run`. The user is the one of this machine, who may read the files. Pure but for that. */
export function containerArgs({
  image,
  name,
  folder,
  http,
  grpc,
  admin,
}: Required<ServeOptions> & { image: string; folder: string }): string[] {
  const user = process.getuid === undefined ? [] : ['--user', `${process.getuid()}:${process.getgid?.() ?? 0}`];
  const ports = [
    [http, 8080],
    [grpc, 8081],
    [admin, 9090],
  ].flatMap(([here, there]) => ['--publish', `127.0.0.1:${here}:${there}`]);
  return [
    ...['run', '--rm', ...user, '--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', ...ports],
    ...['--volume', `${folder}:/models/${name}/1:ro`, '--env', 'DRAIN_SECONDS=0', '--env', 'WORKERS=1', image, 'serve'],
  ];
}

/** Programs that run containers, the first that is there. */
const RUNTIMES = ['docker', 'podman'];

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  for (const runtime of RUNTIMES) {
    const code = await start(runtime, args, signal);
    if (code !== undefined) return code;
  }
  throw new StateError(`neither of ${RUNTIMES.join(' and ')} is on PATH; one of them runs the serving image`);
}

/** Answers the exit code, or undefined when there is no such program. */
function start(runtime: string, args: readonly string[], signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolved, reject) => {
    const child = spawn(runtime, args, { env: process.env, stdio: 'inherit' });
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolved(undefined) : reject(error),
    );
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolved(code ?? 1);
    });
  });
}
