import assert from 'node:assert/strict';
import { parseAllDocuments } from 'yaml';
import { CHART } from '../harness/stage.ts';
import { story } from '../harness/story.ts';

interface Manifest {
  kind: string;
  metadata: { name: string };
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  spec?: { template?: { spec: PodSpec } };
}
interface PodSpec {
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  securityContext?: { runAsNonRoot?: boolean; seccompProfile?: { type?: string } };
  containers: { securityContext?: Record<string, unknown>; image: string; resources?: { requests?: object } }[];
}

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OPTIONS: readonly string[][] = [
  [],
  ['--set', 'replicas=2'],
  ['--set', 'watchNamespaces={a,b}', '--set', 'leaderElection.enabled=false'],
  [
    '--set',
    `image.digest=${DIGEST}`,
    '--set',
    `servingImage.digest=${DIGEST}`,
    '--set',
    'registries.plainHttp={r:5000}',
  ],
  [
    '--set',
    'crds.install=false',
    '--set',
    'rbac.aggregateToUserRoles=false',
    '--set',
    'rbac.ownerReferencesPermissionEnforcement=true',
  ],
];

export const stories = [
  story('the chart is clean, restricted, and asks for no more rights than are used', async ({ then, cluster }) => {
    await then('helm lint finds nothing', () => cluster.helm(['lint', '--strict', CHART]));
    for (const options of OPTIONS) {
      const text = await cluster.helm(['template', 'operator', CHART, ...options]);
      const manifests = parseAllDocuments(text)
        .map((document) => document.toJS() as Manifest | null)
        .filter((manifest) => manifest !== null);
      await then(`pods are restricted with ${options.join(' ') || 'the defaults'}`, async () => {
        for (const { spec } of manifests.filter(({ kind }) => kind === 'Deployment')) restricted(spec?.template?.spec);
        return Promise.resolve();
      });
      await then('no rule has a wildcard or names secrets', async () => {
        for (const { apiGroups, resources, verbs } of manifests.flatMap(({ rules }) => rules ?? [])) {
          assert.ok(![...apiGroups, ...resources, ...verbs].includes('*'));
          assert.ok(
            !resources.some((resource) => /secrets|pods\/|nodes|roles|webhook/.test(resource)),
            resources.join(),
          );
        }
        return Promise.resolve();
      });
    }
    await then('a digest wins over a tag', async () =>
      assert.match(
        await cluster.helm(['template', 'x', CHART, '--set', `image.digest=${DIGEST}`]),
        new RegExp(`operator@${DIGEST}`),
      ),
    );
    await then('settings that do not fit are refused', async () => {
      for (const bad of [
        ['replicas=2', 'leaderElection.enabled=false'],
        ['replicas=-1'],
        ['image.digest=latest'],
        ['nonsense=1'],
      ]) {
        const flags = bad.flatMap((item) => ['--set', item]);
        await assert.rejects(cluster.helm(['template', 'x', CHART, ...flags]), bad.join());
      }
    });
  }),
];

function restricted(pod: PodSpec | undefined): void {
  assert.ok(pod);
  assert.equal(pod.automountServiceAccountToken, false);
  assert.equal(pod.enableServiceLinks, false);
  assert.equal(pod.securityContext?.runAsNonRoot, true);
  assert.equal(pod.securityContext.seccompProfile?.type, 'RuntimeDefault');
  for (const { securityContext, resources } of pod.containers) {
    assert.equal(securityContext?.['allowPrivilegeEscalation'], false);
    assert.equal(securityContext['readOnlyRootFilesystem'], true);
    assert.deepEqual(securityContext['capabilities'], { drop: ['ALL'] });
    assert.ok(resources?.requests);
  }
}
