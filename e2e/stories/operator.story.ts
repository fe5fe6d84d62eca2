import assert from 'node:assert/strict';
import { installChart, uninstallChart } from '../harness/stage.ts';
import { killOperator } from '../harness/operator.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

const OPERATOR = 'deployment/modeldeployment-operator';
const operatorReady = ({ cluster, operatorNamespace }: Scene): Promise<string> =>
  cluster.kubectl(['rollout', 'status', '-n', operatorNamespace, OPERATOR, '--timeout=120s']);

const podUids = async ({ mdep }: Scene): Promise<string[]> =>
  (await mdep.kubectl('get', 'pods', '-l', 'modelserving.dev/model=digits', '-o', 'jsonpath={.items[*].metadata.uid}'))
    .split(' ')
    .sort();

async function serving(scene: Scene, repository: string): Promise<void> {
  const { given, models, mdep } = scene;
  await given('a model that serves', async () => {
    await models.push('digits/v1/saved_model', repository, '1');
    await models.push('digits/v2/saved_model', repository, '2');
    await mdep.apply('digits', { model: { uri: models.uri(repository, '1'), version: '1' }, replicas: 2 });
    await mdep.untilReady('digits', 1);
  });
}

export const stories = [
  story('an operator that is killed in the middle of a rollout finishes it when it is back', async (scene) => {
    const { when, then, models, mdep } = scene;
    await serving(scene, 'operator/killed');
    await when('version 2 is applied and the operator is killed as soon as the rollout has begun', async () => {
      await mdep.apply('digits', { model: { uri: models.uri('operator/killed', '2'), version: '2' }, replicas: 2 });
      await waitFor(
        'the rollout to begin',
        async () => ((await mdep.kubectl('get', 'rs', '-o', 'name')).trim().split('\n').length > 1 ? true : undefined),
        { seconds: 60 },
      );
      await killOperator(scene);
    });
    await then('version 2 serves', () => mdep.untilReady('digits', 2));
    await then('nobody took it for an undo', async () =>
      assert.equal((await mdep.get('digits')).spec.rollbackTo, undefined),
    );
    await operatorReady(scene);
  }),

  story(
    'an operator with a newer serving image restarts no model, says ServerOutdated, and Refresh takes the image',
    async (scene) => {
      const { when, then, models, mdep, cluster, images } = scene;
      await serving(scene, 'operator/upgrade');
      const before = await podUids(scene);
      const newer = { ...images, serving: images.serving.replace('registry.local:5000', '172.30.0.1:5000') };
      await when('the operator is upgraded to one that brings another serving image', () =>
        installChart(cluster, newer),
      );
      try {
        await then('status says ServerOutdated', () =>
          mdep.until(
            'digits',
            'to say ServerOutdated',
            ({ conditions }) =>
              conditions?.some(({ type, status }) => type === 'ServerOutdated' && status === 'True') === true,
          ),
        );
        assert.deepEqual(await podUids(scene), before, 'no pod was replaced');
        await when('Refresh is asked for', () =>
          mdep.apply('digits', {
            model: { uri: models.uri('operator/upgrade', '1'), version: '1' },
            replicas: 2,
            rollout: { action: { type: 'Refresh', id: 'now' } },
          }),
        );
        await then('a new revision of the same version runs the new image', () => mdep.untilReady('digits', 2));
        const image = await mdep.kubectl(
          'get',
          'deployment',
          'digits',
          '-o',
          'jsonpath={.spec.template.spec.containers[0].image}',
        );
        assert.equal(image, newer.serving);
      } finally {
        await installChart(cluster, images);
      }
    },
    { needs: ['nodeControl'] },
  ),

  story('helm uninstall leaves what serves alone and keeps the CRD; install takes it up again', async (scene) => {
    const { when, then, models, mdep, cluster, images } = scene;
    await serving(scene, 'operator/helm');
    const before = await podUids(scene);
    await when('the operator is uninstalled', () => uninstallChart(cluster));
    try {
      await then('the ModelDeployment and its pods are still there', async () => {
        assert.match(await mdep.kubectl('get', 'mdep', 'digits', '-o', 'name'), /digits/);
        assert.deepEqual(await podUids(scene), before);
      });
      await when('a person undoes nothing, but changes the spec while it is away', () =>
        mdep.apply('digits', { model: { uri: models.uri('operator/helm', '2'), version: '2' }, replicas: 2 }),
      );
    } finally {
      await when('it is installed again, with two replicas', () => installChart(cluster, images, { replicas: '2' }));
    }
    await then('the change is carried out', () => mdep.untilReady('digits', 2));
    await then('one of the two leads', async () => {
      const lease = await cluster.kubectl([
        'get',
        'lease',
        '-n',
        scene.operatorNamespace,
        'modeldeployment-operator',
        '-o',
        'jsonpath={.spec.holderIdentity}',
      ]);
      assert.match(lease, /^modeldeployment-operator-/);
    });
    await when('it is upgraded back to one replica', () => installChart(cluster, images));
    await operatorReady(scene);
  }),

  story('the operator may do no more than it does', async ({ then, cluster, operatorNamespace }) => {
    const account = `system:serviceaccount:${operatorNamespace}:modeldeployment-operator`;
    const may = async (...what: string[]): Promise<boolean> =>
      cluster.kubectl(['auth', 'can-i', ...what, '--as', account, '-A']).then(
        () => true,
        () => false,
      );
    await then('secrets, exec, logs, nodes, roles and webhooks are out of reach', async () => {
      for (const what of [
        ['get', 'secrets'],
        ['list', 'secrets'],
        ['create', 'pods', '--subresource=exec'],
        ['get', 'pods', '--subresource=log'],
        ['get', 'nodes'],
        ['create', 'roles'],
        ['create', 'clusterrolebindings'],
        ['update', 'deployments'],
        ['delete', 'modeldeployments'],
        ['update', 'customresourcedefinitions'],
      ]) {
        assert.equal(await may(...what), false, `the operator may ${what.join(' ')}`);
      }
    });
    await then('what it needs is allowed', async () => {
      for (const what of [
        ['watch', 'modeldeployments'],
        ['patch', 'deployments'],
        ['create', 'controllerrevisions.apps'],
      ]) {
        assert.equal(await may(...what), true, `the operator may not ${what.join(' ')}`);
      }
    });
  }),
];
