/** The paths of a server on which bytes of several clients travel over one connection, each with real servers. Test code only. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TRIAL_PATH, type Traffic, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { denseGraphModel } from '../models.ts';
import { PodInfo } from '../pod-info.ts';
import type { Bench, Running } from '../server.ts';
import type { SharedPath } from './play.ts';

const targetOf = (model: string): SharedPath['target'] => ({
  infer: `/v2/models/${model}/infer`,
  metadata: `/v2/models/${model}`,
});
const ENV = { MODEL_ENGINE: 'wasm', LOG_LEVEL: 'warn' };
const MODEL = 'dense';

async function start(bench: Bench, env: Record<string, string>, workers = 1): Promise<Running> {
  const server = await bench.start({ ...ENV, ...env, LOG_LEVEL: 'info' });
  await server.logged('worker ready', workers);
  return server;
}

/** Between the workers of two models of one server. */
export async function hops(bench: Bench): Promise<SharedPath[]> {
  const repository = join(bench.models, 'hop');
  for (const name of ['one', 'two']) await denseGraphModel(join(repository, name, '1'));
  const server = await start(bench, { MODEL_REPOSITORY: repository }, 2);
  const path = { server, models: ['one', 'two'], target: targetOf('two') };
  return [
    { ...path, name: 'between workers', transport: 'http' },
    { ...path, name: 'between workers, gRPC', transport: 'grpc' },
  ];
}

type Kind = 'forward' | 'mirror' | 'replay';

/** What a trial does with requests, by the kind of path. */
const TRAFFIC: Readonly<Record<Kind, Partial<Traffic>>> = {
  forward: { weight: 100 },
  mirror: { weight: 0, mirror: { percent: 100, tolerance: 0 } },
  replay: { weight: 0, mirror: { percent: 0, tolerance: 0 }, replayBelow: 1_000_000 },
};

/** From the servers of a stable revision to those of one on trial, which has the same weights. */
export class Trials {
  #turn = 0;

  private constructor(
    private readonly info: PodInfo,
    private readonly stable: Running,
    private readonly target: Running,
  ) {}

  static async open(bench: Bench): Promise<Trials> {
    const repository = join(bench.models, 'trial');
    const info = await PodInfo.create();
    for (const version of ['1', '2']) await denseGraphModel(join(repository, MODEL, version));
    const env = { MODEL_REPOSITORY: repository, MODEL_NAME: MODEL };
    const [stable, target] = await Promise.all([
      start(bench, { ...env, MODEL_VERSION: '1', MODEL_REVISION: '1', POD_INFO: info.folder }),
      start(bench, { ...env, MODEL_VERSION: '2', MODEL_REVISION: '2' }),
    ]);
    return new Trials(info, stable, target);
  }

  /** The path of one kind; the trial before it ends. */
  async path(kind: Kind, transport: SharedPath['transport'] = 'http'): Promise<SharedPath> {
    const trial = `trial-${++this.#turn}`;
    const to = new URL(this.target.url).host;
    await this.info.write({ trial, stable: 1, target: 2, targetVersion: '2', to, weight: 0, ...TRAFFIC[kind] });
    await this.#reported((report) => report.trial === trial);
    const path = { server: this.stable, models: [MODEL], transport, target: targetOf(MODEL) };
    return {
      ...path,
      name: `${kind === 'forward' ? 'to the trial' : kind}${transport === 'grpc' ? ', gRPC' : ''}`,
      settle: () => this.#settle(kind),
    };
  }

  async close(): Promise<void> {
    await this.info.dispose();
  }

  async #settle(kind: Kind): Promise<{ answers: number; mixed: number }> {
    const { mirror, replayed } = await this.#reported((report) => kind !== 'replay' || report.replayed >= 40);
    return { answers: kind === 'replay' ? replayed : mirror.compared, mixed: mirror.differing };
  }

  async #reported(done: (report: TrialReport) => boolean): Promise<TrialReport> {
    for (;;) {
      const report = (await (await fetch(this.stable.admin + TRIAL_PATH)).json()) as TrialReport;
      if (done(report)) return report;
      await sleep(20);
    }
  }
}
