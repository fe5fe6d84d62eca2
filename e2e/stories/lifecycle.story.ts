import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

export const stories = [
  story(
    'an update rolls to the new version, which then answers',
    async ({ given, when, then, models, mdep, client }) => {
      await given('version 1 serves', async () => {
        await models.push('digits/v1/saved_model', 'update', '1');
        await mdep.apply('digits', { model: { uri: models.uri('update', '1'), version: '1' }, replicas: 2 });
        await mdep.untilReady('digits', 1);
      });
      const digest = await when('version 2 is pushed and applied', async () => {
        // With its golden answers: the server checks them before it takes traffic.
        const own = models.copy('digits/v2/saved_model', (folder) =>
          cpSync(models.folder('digits/v2/golden.json'), join(folder, 'golden.json')),
        );
        const pushed = await models.push(own.folder, 'update', '2').finally(own.dispose);
        await mdep.apply('digits', { model: { uri: models.uri('update', '2'), version: '2' }, replicas: 2 });
        return pushed;
      });
      const status = await then('revision 2 serves', () => mdep.untilReady('digits', 2));
      assert.equal(status.stable?.digest, digest);
      const { body, answer } = models.golden('v2');
      const reply = await (await client()).call('POST', 'http://digits/v2/models/digits/infer', body);
      const { outputs, model_version: version } = JSON.parse(reply.body) as {
        outputs: { data: number[] }[];
        model_version: string;
      };
      assert.equal(version, '2');
      answer.forEach((value, i) => assert.ok(Math.abs(value - (outputs[0]?.data[i] ?? NaN)) <= 1e-5));
      await then('kubectl rollout status agrees', () =>
        mdep.kubectl('rollout', 'status', 'deployment/digits', '--timeout=60s'),
      );
    },
  ),

  story('kubectl scale and an HPA size the model through /scale', async ({ given, when, then, models, mdep }) => {
    await given('one pod serves', async () => {
      await models.push('digits/v1/saved_model', 'scale', '1');
      await mdep.apply('digits', { model: { uri: models.uri('scale', '1'), version: '1' } });
      await mdep.untilReady('digits', 1);
    });
    await when('a person scales to 2', () => mdep.kubectl('scale', 'mdep', 'digits', '--replicas=2'));
    await then('two pods answer', () => mdep.until('digits', 'to have 2/2 pods', ({ ready }) => ready === '2/2'));
    assert.equal((await mdep.get('digits')).status?.stable?.revision, 1);
    await when('an HPA wants at least 3', () =>
      mdep.applyObject({
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'digits' },
        spec: {
          scaleTargetRef: { apiVersion: 'modelserving.dev/v1alpha1', kind: 'ModelDeployment', name: 'digits' },
          minReplicas: 3,
          maxReplicas: 4,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          ],
        },
      }),
    );
    await then('three pods answer', () => mdep.until('digits', 'to have 3/3 pods', ({ ready }) => ready === '3/3'));
    await then('the HPA can scale, by the selector of the status', async () => {
      const hpa = JSON.parse(await mdep.kubectl('get', 'hpa', 'digits', '-o', 'json')) as {
        status: { conditions: { type: string; status: string }[] };
      };
      assert.equal(hpa.status.conditions.find(({ type }) => type === 'AbleToScale')?.status, 'True');
    });
    await when('the old manifest without replicas is applied again', () =>
      mdep.apply('digits', { model: { uri: models.uri('scale', '1'), version: '1' } }),
    );
    await then('the size stays', () => mdep.until('digits', 'to keep 3/3 pods', ({ ready }) => ready === '3/3'));
  }),

  story(
    'deleting a ModelDeployment leaves nothing behind, also while the operator is away',
    async ({ given, when, then, models, mdep, cluster, operatorNamespace }) => {
      await given('a model that serves, and an operator that is gone', async () => {
        await models.push('digits/v1/saved_model', 'delete', '1');
        await mdep.apply('digits', { model: { uri: models.uri('delete', '1'), version: '1' } });
        await mdep.untilReady('digits', 1);
        await cluster.kubectl([
          'scale',
          '-n',
          operatorNamespace,
          'deployment/modeldeployment-operator',
          '--replicas=0',
        ]);
      });
      try {
        await when('it is deleted', () => mdep.kubectl('delete', 'mdep', 'digits'));
        await then('all its children go', () =>
          waitFor(
            'the children to be collected',
            async () => {
              const kinds =
                'deployments,replicasets,pods,services,poddisruptionbudgets,serviceaccounts,controllerrevisions.apps';
              const left = await mdep.kubectl(
                'get',
                kinds,
                '-o',
                'name',
                '-l',
                'app.kubernetes.io/managed-by=modeldeployment-operator',
              );
              return left.trim() === '' ? true : undefined;
            },
            { seconds: 120, seen: () => mdep.kubectl('get', 'all') },
          ),
        );
      } finally {
        await cluster.kubectl([
          'scale',
          '-n',
          operatorNamespace,
          'deployment/modeldeployment-operator',
          '--replicas=1',
        ]);
        await cluster.kubectl([
          'rollout',
          'status',
          '-n',
          operatorNamespace,
          'deployment/modeldeployment-operator',
          '--timeout=120s',
        ]);
      }
    },
  ),

  story('a name that belongs to somebody else is refused, not adopted', async ({ given, when, then, models, mdep }) => {
    await given("somebody's Service digits", () =>
      mdep.kubectl('create', 'service', 'clusterip', 'digits', '--tcp=80:80'),
    );
    await when('a ModelDeployment of that name is applied', async () => {
      await models.push('digits/v1/saved_model', 'conflict', '1');
      await mdep.apply('digits', { model: { uri: models.uri('conflict', '1'), version: '1' } });
    });
    await then('status says NameConflict and names the Service', async () => {
      const status = await mdep.until(
        'digits',
        'to say NameConflict',
        ({ conditions }) => conditions?.some(({ reason }) => reason === 'NameConflict') === true,
      );
      assert.match(status.conditions?.find(({ type }) => type === 'Ready')?.message ?? '', /Service .*digits/);
      const service = JSON.parse(await mdep.kubectl('get', 'service', 'digits', '-o', 'json')) as {
        spec: { selector: Record<string, string> };
      };
      assert.deepEqual(service.spec.selector, { app: 'digits' });
    });
    await when('the Service is deleted', () => mdep.kubectl('delete', 'service', 'digits'));
    await then('the model serves', () => mdep.untilReady('digits', 1));
  }),

  story(
    'a model on a volume serves, and bytes changed in place are not taken for the recorded ones',
    async ({ given, when, then, models, mdep, cluster }) => {
      const { nodes } = cluster;
      assert.ok(nodes);
      const folder = `${nodes.folder(0)}/fs/volume-${mdep.namespace}`;
      const pinned = {
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node0'] }] },
            ],
          },
        },
      };
      try {
        await given('a claim that holds a model', async () => {
          mkdirSync(folder, { recursive: true });
          cpSync(models.folder('digits/v1/saved_model'), `${folder}/digits/1`, { recursive: true });
          chmodSync(folder, 0o755);
          await mdep.applyObject({
            apiVersion: 'v1',
            kind: 'PersistentVolume',
            metadata: { name: mdep.namespace },
            spec: {
              capacity: { storage: '1Gi' },
              accessModes: ['ReadWriteMany'],
              storageClassName: 'manual',
              local: { path: folder },
              ...pinned,
              persistentVolumeReclaimPolicy: 'Retain',
            },
          });
          await mdep.applyObject({
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: { name: 'models' },
            spec: {
              accessModes: ['ReadWriteMany'],
              storageClassName: 'manual',
              volumeName: mdep.namespace,
              resources: { requests: { storage: '1Gi' } },
            },
          });
        });
        await when('a ModelDeployment names a folder of it', () =>
          mdep.apply('digits', { model: { uri: 'pvc://models/digits/1', version: '1' } }),
        );
        await then('it serves', () => mdep.untilReady('digits', 1));
        await when('the bytes are changed in place, and the pod is replaced', async () => {
          cpSync(models.folder('digits/v2/saved_model'), `${folder}/digits/1`, { recursive: true });
          await mdep.kubectl('delete', 'pod', '-l', 'modelserving.dev/model=digits', '--wait=false');
        });
        await then('the new pod refuses them', () =>
          waitFor(
            'a fetcher to say DigestMismatch',
            async () => {
              const pods = await mdep.kubectl('get', 'pods', '-l', 'modelserving.dev/model=digits', '-o', 'json');
              return pods.includes('DigestMismatch') ? true : undefined;
            },
            { seconds: 120, seen: () => mdep.kubectl('get', 'pods', '-o', 'wide') },
          ),
        );
      } finally {
        await mdep.kubectl('delete', 'mdep', '--all');
        await cluster.kubectl(['delete', 'pv', mdep.namespace, '--wait=false', '--ignore-not-found']);
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { needs: ['nodeControl'] },
  ),
];
