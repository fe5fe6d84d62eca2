/** How each peer is started. */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from './install.ts';
import type { Command } from './process.ts';

const PYTHON = fileURLToPath(new URL('python/', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Place {
  port: number;
  /** Folder of the models. */
  models: string;
  /** Of the environment. */
  environment: string;
  /** Of its own, empty. */
  scratch: string;
  /** Threads of the engine; 0 leaves it to the engine. */
  threads: number;
  tuned: boolean;
  /** Processes that run the model. */
  workers: number;
}

const settings = ({ port, models, threads, tuned, workers }: Place): Record<string, string> => ({
  PEER_PORT: String(port),
  PEER_MODELS: models,
  PEER_THREADS: String(threads),
  PEER_WORKERS: String(workers),
  PYTHONPATH: PYTHON,
  ...(tuned && { PEER_BATCH: '1', PEER_TUNED: '1' }),
});

const python =
  (...args: string[]) =>
  (place: Place): Promise<Command> =>
    Promise.resolve({ file: join(place.environment, 'bin/python'), args, env: settings(place) });

async function mlserver(place: Place): Promise<Command> {
  for (const file of await readdir(place.models)) {
    if (!file.endsWith('.onnx')) continue;
    const name = file.slice(0, -'.onnx'.length);
    await mkdir(join(place.scratch, name), { recursive: true });
    await writeFile(
      join(place.scratch, name, 'model-settings.json'),
      JSON.stringify({ name, implementation: 'mlserver_models.OnnxModel', parameters: { version: '1' } }),
    );
  }
  const [http, grpc, metrics] = [place.port, place.port + 1, place.port + 2];
  await writeFile(
    join(place.scratch, 'settings.json'),
    JSON.stringify({
      host: '127.0.0.1',
      http_port: http,
      grpc_port: grpc,
      metrics_port: metrics,
      debug: false,
      // One alone: without processes of its own for inference, as its documentation advises for models that are quick.
      ...(place.workers > 1 ? { parallel_workers: place.workers } : place.tuned && { parallel_workers: 0 }),
    }),
  );
  return { file: join(place.environment, 'bin/mlserver'), args: ['start', place.scratch], env: settings(place) };
}

async function triton(place: Place): Promise<Command> {
  const packages = join(place.environment, 'lib/python3.11/site-packages');
  const bundle = join(packages, 'pytriton/tritonserver');
  await mkdir(join(place.scratch, 'mlp/1'), { recursive: true });
  // Its Python looks for modules beside the model, and by PATH for what is installed; it does not heed PYTHONPATH.
  await cp(join(PYTHON, 'triton_model.py'), join(place.scratch, 'mlp/1/model.py'));
  await cp(join(PYTHON, 'onnx_models.py'), join(place.scratch, 'mlp/1/onnx_models.py'));
  await writeFile(
    join(place.scratch, 'mlp/config.pbtxt'),
    [
      'name: "mlp"',
      'backend: "python"',
      'max_batch_size: 64',
      'input [{ name: "image" data_type: TYPE_FP32 dims: [784] }]',
      'output [{ name: "probabilities" data_type: TYPE_FP32 dims: [10] }]',
      place.tuned ? 'dynamic_batching { }' : '',
    ].join('\n'),
  );
  // What runs Python lies elsewhere in the package, one for each of its versions; Triton looks for it beside the backend.
  const backends = `${place.scratch}-backends`;
  await cp(join(bundle, 'backends'), backends, { recursive: true });
  const stub = 'triton_python_backend_stub';
  await cp(join(bundle, 'python_backend_stubs/3.11', stub), join(backends, 'python', stub));
  const args = [
    `--model-repository=${place.scratch}`,
    `--backend-directory=${backends}`,
    '--http-address=127.0.0.1',
    `--http-port=${place.port}`,
    '--allow-grpc=false',
    '--allow-metrics=false',
  ];
  return {
    file: join(bundle, 'bin/tritonserver'),
    args,
    env: {
      ...settings(place),
      PATH: `${join(place.environment, 'bin')}:${process.env.PATH}`,
      // The last for the stub, which was linked for the place that it is copied from.
      LD_LIBRARY_PATH: [
        join(bundle, 'lib'),
        join(bundle, 'external_libs'),
        join(packages, 'nvidia_pytriton.libs'),
      ].join(':'),
    },
  };
}

const node =
  (file: string) =>
  (place: Place): Promise<Command> =>
    Promise.resolve({
      file: process.execPath,
      args: [join(place.environment, file)],
      env: {
        ...settings(place),
        PEER_TFJS: join(ROOT, 'serving-image/package.json'),
        ...(place.threads > 0 && {
          TF_NUM_INTRAOP_THREADS: String(place.threads),
          TF_NUM_INTEROP_THREADS: String(place.threads),
          TF_ENABLE_ONEDNN_OPTS: '0',
        }),
        TF_CPP_MIN_LOG_LEVEL: '2',
      },
    });

interface Launch {
  environment: Environment;
  command: (place: Place) => Promise<Command>;
}

export const LAUNCH = {
  mlserver: { environment: 'mlserver', command: mlserver },
  kserve: {
    environment: 'kserve',
    command: (place) => python(join(PYTHON, 'kserve_server.py'), `--workers=${place.workers}`)(place),
  },
  bentoml: {
    environment: 'bentoml',
    command: (place) =>
      Promise.resolve({
        file: join(place.environment, 'bin/bentoml'),
        args: ['serve', 'bentoml_service:Service', '--port', String(place.port), '--host', '127.0.0.1'],
        env: { ...settings(place), BENTOML_DO_NOT_TRACK: 'true', BENTOML_HOME: place.scratch },
        cwd: PYTHON,
      }),
  },
  fastapi: { environment: 'fastapi', command: python(join(PYTHON, 'fastapi_server.py')) },
  litserve: { environment: 'litserve', command: python(join(PYTHON, 'litserve_server.py')) },
  pytriton: { environment: 'pytriton', command: python(join(PYTHON, 'pytriton_server.py')) },
  triton: { environment: 'pytriton', command: triton },
  ray: { environment: 'ray', command: python(join(PYTHON, 'ray_server.py')) },
  fastify: { environment: 'node', command: node('fastify.mjs') },
  express: { environment: 'node', command: node('express.mjs') },
} as const satisfies Record<string, Launch>;
export type PeerName = keyof typeof LAUNCH;
