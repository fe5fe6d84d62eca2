/** Who is measured: our server on its engines, and the peers. */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { LAUNCH, type PeerName } from '../../conformance/peers/commands.ts';
import { ensureEnvironment } from '../../conformance/peers/install.ts';
import { freePort, PeerProcess, untilReady, type Command } from '../../conformance/peers/process.ts';
import { message, PATH, type FormName } from './forms.ts';
import { MLP, pictures, type MlpFolders } from './mlp.ts';

export interface Stage {
  /** Scratch. */
  folder: string;
  /** The bundle of our server. */
  program: string;
  models: MlpFolders;
}

export interface Setting {
  cores: string;
  workers: number;
  tuned: boolean;
}

export interface Started {
  port: number;
  process: PeerProcess;
  /** From its start to the first answer with 200 to a request with one row. */
  startSeconds: number;
}

export interface Contestant {
  name: string;
  title: string;
  /** In order of preference; the first JSON one is what it is compared in. */
  forms: readonly FormName[];
  /** Where it is asked, if not where its protocol says. */
  path?: Partial<Record<FormName, string>>;
  start(stage: Stage, setting: Setting): Promise<Started>;
}

export const pathOf = ({ path = {} }: Contestant, form: FormName): string => path[form] ?? PATH[form];

async function launch(contestant: Contestant, command: Command, port: number, { cores }: Setting, folder: string) {
  const started = performance.now();
  const process = PeerProcess.start(command, cores, join(folder, 'log'));
  const [form = 'plain'] = contestant.forms;
  const { path, headers, body } = message(form, pictures(1, 'four'), pathOf(contestant, form));
  try {
    await untilReady(process, `http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
    });
  } catch (error) {
    await process.stop();
    throw error;
  }
  return { port, process, startSeconds: (performance.now() - started) / 1000 };
}

export function ours(
  engine: 'tensorflow' | 'wasm',
  more: Readonly<Record<string, string>> = {},
  nodeOptions: readonly string[] = [],
): Contestant {
  const contestant: Contestant = {
    name: `ours-${engine}`,
    title: `this server, ${engine}`,
    forms: ['v1', 'v2', 'binary', 'plain'],
    path: { plain: PATH.v1 },
    async start({ folder, program, models }, setting) {
      const port = await freePort();
      const env = {
        MODEL_REPOSITORY: engine === 'wasm' ? models.tfjs : models.savedModel,
        MODEL_NAME: MLP,
        MODEL_VERSION: '1',
        MODEL_ENGINE: engine,
        HTTP_PORT: String(port),
        GRPC_PORT: '0',
        ADMIN_PORT: '0',
        HOST: '127.0.0.1',
        WORKERS: String(setting.workers),
        LOG_LEVEL: 'warn',
        TERMINATION_LOG: join(folder, 'termination'),
        ...more,
      };
      const scratch = await mkdtemp(join(folder, 'ours-'));
      return launch(
        contestant,
        { file: process.execPath, args: [...nodeOptions, program, 'serve'], env },
        port,
        setting,
        scratch,
      );
    },
  };
  return contestant;
}

function peer(name: PeerName, title: string, forms: readonly FormName[]): Contestant {
  const contestant: Contestant = {
    name,
    title,
    forms,
    async start({ folder, models }, setting) {
      const { environment, command } = LAUNCH[name];
      const place = {
        port: await freePort(),
        models: models.peers,
        environment: await ensureEnvironment(environment),
        scratch: join(await mkdtemp(join(folder, `${name}-`)), 'scratch'),
        threads: setting.tuned ? 1 : 0,
        ...setting,
      };
      await mkdir(place.scratch);
      return launch(contestant, await command(place), place.port, setting, join(place.scratch, '..'));
    },
  };
  return contestant;
}

export const PEERS: readonly Contestant[] = [
  peer('fastify', 'fastify, onnxruntime-node', ['plain']),
  peer('express', 'express, tfjs-node LayersModel', ['plain']),
  peer('mlserver', 'MLServer', ['v2']),
  peer('kserve', 'KServe Python server', ['v1']),
  peer('fastapi', 'FastAPI, tf.function', ['plain']),
  peer('litserve', 'LitServe', ['plain']),
  peer('bentoml', 'BentoML', ['plain']),
  peer('pytriton', 'PyTriton', ['v2', 'binary']),
  peer('triton', 'Triton, Python backend', ['v2', 'binary']),
  peer('ray', 'Ray Serve', ['plain']),
];
