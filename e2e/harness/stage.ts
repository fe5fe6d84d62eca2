import { attach, type Cluster, up, useContext } from '../cluster/index.ts';
import { buildOperatorImage, buildServingImage, pushImage } from '../images/index.ts';
import { ensureBinaries } from '../cluster/build.ts';
import { CLUSTER_PACKAGES, ensurePackages, IMAGE_PACKAGES } from '../cluster/packages.ts';
import { buildCli } from '../../cli/build.ts';
import { Models } from './models.ts';
import type { Progress } from '../../tools/progress.ts';

export const OPERATOR_NAMESPACE = 'modeldeployment-system';
export const RELEASE = 'modeldeployment-operator';
export const CHART = new URL('../../charts/modeldeployment-operator', import.meta.url).pathname;

/** Everything a story, the quickstart or a benchmark stands on. */
export interface Stage {
  cluster: Cluster;
  models: Models;
  /** References under which the cluster pulls them. */
  images: { operator: string; serving: string };
}

export interface StageOptions {
  name: string;
  nodes: number;
  /** Use this context of the kubeconfig instead of a cluster of our own. */
  context?: string;
  /** With a context: where we push, and where its nodes pull. */
  registryPush?: string;
  registryPull?: string;
  /** Use the cluster that is up already. */
  attach?: boolean;
}

/** Brings up the cluster and builds the images side by side, pushes what changed, installs the chart. */
export async function setStage(options: StageOptions, progress: Progress): Promise<Stage> {
  const packages = { ...IMAGE_PACKAGES, ...(options.context === undefined ? CLUSTER_PACKAGES : {}) };
  await progress.step('Debian packages', (note) => ensurePackages(packages, note));
  const [cluster, operator, serving, cli] = await together([
    bringUp(options, progress),
    progress.step('operator image', (note) => buildOperatorImage({ log: note })),
    progress.step('serving image', (note) => buildServingImage({ log: note })),
    progress.step('kubectl plugin', () => buildCli()),
  ]);
  const images = await progress.step('push the images', async () => ({
    operator: await pushImage(operator, cluster.registry),
    serving: await pushImage(serving, cluster.registry),
  }));
  await progress.step('helm install', () => installChart(cluster, images));
  return { cluster, models: new Models(cluster, cli), images };
}

async function bringUp(options: StageOptions, progress: Progress): Promise<Cluster> {
  const { context, registryPush = 'localhost:5000', registryPull = registryPush } = options;
  if (context !== undefined) {
    return progress.step(`context ${context}`, (note) => useContext(context, registryPush, registryPull, note));
  }
  await progress.step('Kubernetes from source', (note) => ensureBinaries(note));
  if (options.attach === true) return attach(options.name);
  return progress.step(`cluster of ${options.nodes} nodes`, (note) =>
    up({ name: options.name, nodes: options.nodes, log: note }),
  );
}

/** Waits for all, so that a failing step does not leave the others running behind an error. */
async function together<T extends readonly Promise<unknown>[]>(
  steps: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results: PromiseSettledResult<unknown>[] = await Promise.allSettled(steps);
  const values = results.map((result) => {
    if (result.status === 'rejected') throw result.reason as Error;
    return result.value;
  });
  return values as { [K in keyof T]: Awaited<T[K]> };
}

/** `helm upgrade --install` of our chart, and waits until the operator answers. */
export async function installChart(
  cluster: Cluster,
  images: Stage['images'],
  set: Record<string, string> = {},
): Promise<void> {
  const values: Record<string, string> = {
    ...imageValues('image', images.operator),
    ...imageValues('servingImage', images.serving),
    ...(cluster.registry.plainHttp ? { 'registries.plainHttp[0]': cluster.registry.pull } : {}),
  };
  const flags = [
    ...Object.entries(values).flatMap(([key, value]) => ['--set-string', `${key}=${value}`]),
    ...Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ];
  await cluster.helm([
    'upgrade',
    '--install',
    RELEASE,
    CHART,
    '-n',
    OPERATOR_NAMESPACE,
    '--create-namespace',
    '--wait',
    '--timeout',
    '3m',
    ...flags,
  ]);
}

export const uninstallChart = (cluster: Cluster): Promise<string> =>
  cluster.helm(['uninstall', RELEASE, '-n', OPERATOR_NAMESPACE, '--wait']);

function imageValues(key: string, ref: string): Record<string, string> {
  const at = ref.lastIndexOf(':');
  return { [`${key}.repository`]: ref.slice(0, at), [`${key}.tag`]: ref.slice(at + 1) };
}
