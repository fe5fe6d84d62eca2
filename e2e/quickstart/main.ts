import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { down } from '../cluster/index.ts';
import { Client } from '../harness/client.ts';
import { Mdep } from '../harness/mdep.ts';
import { Progress } from '../../tools/progress.ts';
import { OPERATOR_NAMESPACE, RELEASE, setStage } from '../harness/stage.ts';
import { explain } from './failures.ts';
import { Tour } from './tour.ts';

/**
 * npm run quickstart -- [--keep] [--nodes N] [--context NAME --registry-push HOST --registry-pull HOST]
 *
 * Sets everything up on a fresh machine and shows the main job: serve a model, roll to version 2, roll back.
 */
const { values: options } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '3' },
    name: { type: 'string', default: 'mdep' },
    context: { type: 'string' },
    'registry-push': { type: 'string' },
    'registry-pull': { type: 'string' },
  },
});

const NAMESPACE = 'default';

async function main(): Promise<void> {
  const started = Date.now();
  const own = options.context === undefined;
  const end = async (): Promise<void> => {
    if (own && !options.keep) await down(options.name, {});
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.log('\nstopping: ending the cluster');
      void down(options.name, {}).finally(() => process.exit(130));
    });
  }
  console.log(pc.bold('ModelDeployment quickstart'));
  console.log('A real Kubernetes, our operator, a model in two versions.');
  console.log(
    pc.dim(
      'The first run compiles Kubernetes and builds two images (10 to 20 minutes on two cores); later ones take a minute or two.\n',
    ),
  );
  const progress = new Progress();
  try {
    const stage = await setStage(
      {
        name: options.name,
        nodes: Number(options.nodes),
        ...(options.context === undefined ? {} : { context: options.context }),
        ...(options['registry-push'] === undefined ? {} : { registryPush: options['registry-push'] }),
        ...(options['registry-pull'] === undefined ? {} : { registryPull: options['registry-pull'] }),
      },
      progress,
    );
    const { models, cluster } = stage;
    const client = await progress.step('a client in the cluster', () =>
      Client.start(cluster, NAMESPACE, stage.images.serving, {
        'v1.json': models.golden('v1').body,
        'expected.json': JSON.stringify({ 1: models.golden('v1').answer, 2: models.golden('v2').answer }),
      }),
    );
    await new Tour(stage, new Mdep(cluster, NAMESPACE), client).run();
    console.log(
      `\n${pc.green('✓')} done in ${Math.round((Date.now() - started) / 1000)} s; the longest steps:\n${pc.dim(progress.report().split('\n').slice(0, 5).join('\n'))}`,
    );
    if (own && options.keep) {
      console.log(
        `\nThe cluster stays up:\n  export KUBECONFIG=${cluster.kubeconfig}\n  export PATH=${dirname(cluster.bin.kubectl)}:${new URL('../../cli/dist', import.meta.url).pathname}:$PATH`,
      );
      console.log(
        '  kubectl get mdep digits --watch\n  kubectl describe mdep digits\n  kubectl rollout history deployment/digits\nEnd it: npm run cluster -- down',
      );
    } else if (own) {
      console.log('\nThe cluster is ended now. To keep one and play with it: npm run quickstart -- --keep');
    } else {
      console.log(
        `\nThis stays in your cluster; take it away with\n  kubectl delete -n ${NAMESPACE} mdep/digits pod/client configmap/client\n  helm uninstall -n ${OPERATOR_NAMESPACE} ${RELEASE}\n  kubectl delete crd modeldeployments.modelserving.dev`,
      );
    }
  } finally {
    await end();
  }
}

await main().catch((error: unknown) => {
  console.error(`\n${pc.red('the quickstart failed:')} ${(error as Error).message}\n${explain(error as Error)}`);
  process.exitCode = 1;
});
