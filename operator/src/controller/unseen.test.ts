import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LABEL } from '../core/names.ts';
import { digestOf } from '../core/testing/kubelet.ts';
import type { KubeObject } from '../runtime/index.ts';
import { eventually } from '../runtime/testing/eventually.ts';
import { WRITTEN } from './resources.ts';
import { TestOperator } from './testing/operator.ts';
import type { Informers } from './watches.ts';

const uri = 'oci://registry.example/models/digits:1';
const SPEC = { model: { uri, digest: digestOf(uri) }, replicas: 1 };

/** Which watch shows which kind, and the name of the child of `digits`. */
const CHILDREN: Partial<Record<keyof typeof WRITTEN, [keyof Informers, string]>> = {
  Deployment: ['deployments', 'digits'],
  Service: ['services', 'digits'],
  PodDisruptionBudget: ['disruptionBudgets', 'digits'],
  ServiceAccount: ['serviceAccounts', 'digits'],
  ControllerRevision: ['revisions', 'digits-1'],
};
const POD_KINDS: typeof CHILDREN = { ReplicaSet: ['replicaSets', 'digits-rs'], Pod: ['pods', 'digits-pod'] };
const ALL = { ...CHILDREN, ...POD_KINDS };
type Kind = keyof typeof WRITTEN;
const casesOf = (kinds: typeof CHILDREN) =>
  Object.entries(kinds).map(([kind, [watch, name]]) => [kind as Kind, watch, name] as const);

let operator: TestOperator;
beforeEach(async () => {
  operator = await TestOperator.start();
});
afterEach(async () => operator.stop());

const live = (kind: Kind, name: string): KubeObject | undefined =>
  operator.server.storage.get(WRITTEN[kind], { namespace: 'default', name });
const isSeen = (watch: keyof Informers, name: string): boolean =>
  operator.informers[watch].store.get({ namespace: 'default', name }) !== undefined;

interface Asked {
  reads: string[];
  writes: string[];
}

/** A pass, and what it asks of the API server beyond its watches. */
async function pass(name = 'digits'): Promise<Asked> {
  const before = operator.server.requests.length;
  await operator.pass(name);
  const asked = operator.server.requests.slice(before).filter(({ verb }) => verb !== 'watch');
  const told = asked.map(({ verb, resource, name: of }) => [verb, resource, of].filter(Boolean).join(' '));
  const isRead = (words: string): boolean => /^(get|list) /.test(words);
  return { reads: told.filter(isRead), writes: told.filter((words) => !isRead(words)) };
}

/** As Kubernetes' controllers leave it: one pod that answers, and a Deployment that counts it. */
async function serve(name = 'digits'): Promise<void> {
  await operator.apply(SPEC, name);
  await operator.pass(name);
  const { storage } = operator.server;
  type Deployed = KubeObject & { spec: { template: { metadata: { labels: Record<string, string> } } } };
  const deployment = live('Deployment', name) as Deployed;
  const { labels } = deployment.spec.template.metadata;
  const owner = (kind: string, of: KubeObject) => [
    { apiVersion: 'apps/v1', kind, name: of.metadata.name, uid: of.metadata.uid, controller: true },
  ];
  const set = storage.put(WRITTEN.ReplicaSet, {
    metadata: {
      namespace: 'default',
      name: `${name}-rs`,
      labels,
      ownerReferences: owner('Deployment', deployment),
    },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: deployment.spec.template },
    status: { replicas: 1, readyReplicas: 1 },
  });
  storage.put(WRITTEN.Pod, {
    metadata: { namespace: 'default', name: `${name}-pod`, labels, ownerReferences: owner('ReplicaSet', set) },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  const status = { observedGeneration: deployment.metadata.generation, ...counts };
  const counted = storage.put(WRITTEN.Deployment, { ...deployment, status });
  await eventually(
    () =>
      isSeen('pods', `${name}-pod`) &&
      isSeen('replicaSets', `${name}-rs`) &&
      operator.informers.deployments.store.get({ namespace: 'default', name })?.metadata.resourceVersion ===
        counted.metadata.resourceVersion,
  );
  for (let left = 5; (await pass(name)).writes.length > 0; left--)
    if (left === 0) throw new Error(`${name} does not come to rest`);
}

function relabel(kind: Kind, name: string, labels: Record<string, string>): void {
  const object = live(kind, name);
  const metadata = { ...object?.metadata, labels: { ...object?.metadata.labels, ...labels } };
  operator.server.storage.put(WRITTEN[kind], { ...object, metadata });
}

describe('a settled world', () => {
  it('is judged by what the watches show: nothing is read, and nothing is written', async () => {
    await serve();
    expect(operator.stored()?.status?.phase).toBe('Ready');
    for (let time = 0; time < 3; time++) expect(await pass()).toEqual({ reads: [], writes: [] });
  });

  it('of many ModelDeployments is not read either', async () => {
    const names = Array.from({ length: 50 }, (_, number) => `digits-x${number}`);
    for (const name of names) await serve(name);
    for (const name of names) expect(await pass(name)).toEqual({ reads: [], writes: [] });
  });
});

describe('a child that its watch does not show', () => {
  it.each(casesOf(CHILDREN))(
    '%s, relabelled, is read by its name once and labelled again',
    async (kind, watch, name) => {
      await serve();
      const { uid } = live(kind, name)?.metadata ?? {};
      relabel(kind, name, { [LABEL.managedBy]: 'Helm' });
      await eventually(() => !isSeen(watch, name));
      const { plural, group } = WRITTEN[kind];
      const resource = group === '' ? plural : `${plural}.${group}`;
      const asked = await pass();
      expect(asked.reads).toEqual([`get ${resource} ${name}`]);
      expect(asked.writes).toContain(`patch ${resource} ${name}`);
      expect(live(kind, name)?.metadata).toMatchObject({
        uid,
        labels: { [LABEL.managedBy]: 'modeldeployment-operator' },
      });
      await eventually(() => isSeen(watch, name));
      expect(await pass()).toEqual({ reads: [], writes: [] });
      expect(operator.stored()?.status).toMatchObject({ phase: 'Ready', deployed: 1 });
    },
  );

  it.each(casesOf(POD_KINDS))('%s, relabelled, is found by one list of each kind', async (kind, watch, name) => {
    await serve();
    relabel(kind, name, { [LABEL.managedBy]: 'Helm', [LABEL.revision]: '7' });
    await eventually(() => !isSeen(watch, name));
    expect((await pass()).reads).toEqual(['list replicasets.apps', 'list pods']);
    expect(live(kind, name)?.metadata.labels).toMatchObject({
      [LABEL.managedBy]: 'modeldeployment-operator',
      [LABEL.revision]: '1',
    });
    await eventually(() => isSeen(watch, name));
    expect(await pass()).toEqual({ reads: [], writes: [] });
    expect(operator.stored()?.status?.phase).toBe('Ready');
  });

  it('together with all others costs each of them one read, and it comes to rest', async () => {
    await serve();
    for (const [kind, , name] of casesOf(ALL)) relabel(kind, name, { [LABEL.managedBy]: 'Helm' });
    await eventually(() => casesOf(ALL).every(([, watch, name]) => !isSeen(watch, name)));
    const reads: number[] = [];
    let last: Asked;
    do {
      last = await pass();
      reads.push(last.reads.length);
      await eventually(() => casesOf(ALL).every(([kind, watch, name]) => isSeen(watch, name) || isForeign(kind, name)));
    } while (last.writes.length > 0 && reads.length < 9);
    expect(Math.max(...reads)).toBeLessThanOrEqual(Object.keys(ALL).length);
    expect(await pass()).toEqual({ reads: [], writes: [] });
    expect(operator.stored()?.status?.phase).toBe('Ready');
  });

  it.each(casesOf(CHILDREN))('%s, deleted, is looked for once and made anew', async (kind, watch, name) => {
    await serve();
    const { uid } = live(kind, name)?.metadata ?? {};
    operator.server.storage.delete(WRITTEN[kind], { namespace: 'default', name });
    await eventually(() => !isSeen(watch, name));
    expect((await pass()).reads.filter((words) => words.startsWith('get '))).toHaveLength(1);
    expect(live(kind, name)?.metadata.uid).not.toBe(uid);
    expect(live(kind, name)).toBeDefined();
    await pass();
    expect((await pass()).reads.filter((words) => words.startsWith('get '))).toEqual([]);
  });

  it('a pod, deleted, is not believed in: lists end when its Deployment has counted', async () => {
    await serve();
    operator.server.storage.delete(WRITTEN.Pod, { namespace: 'default', name: 'digits-pod' });
    await eventually(() => !isSeen('pods', 'digits-pod'));
    expect((await pass()).reads).toEqual(['list replicasets.apps', 'list pods']);
    expect(live('Pod', 'digits-pod')).toBeUndefined();
    const deployment = live('Deployment', 'digits') as KubeObject & { status: object };
    const status = { ...deployment.status, replicas: 0, readyReplicas: 0, availableReplicas: 0, updatedReplicas: 0 };
    const counted = operator.server.storage.put(WRITTEN.Deployment, { ...deployment, status });
    const ref = { namespace: 'default', name: 'digits' };
    await eventually(
      () =>
        operator.informers.deployments.store.get(ref)?.metadata.resourceVersion === counted.metadata.resourceVersion,
    );
    expect((await pass()).reads).toEqual([]);
    expect(operator.stored()?.status?.phase).not.toBe('Ready');
  });
});

/** Its label is still somebody else's. */
const isForeign = (kind: Kind, name: string): boolean =>
  live(kind, name)?.metadata.labels?.[LABEL.managedBy] !== 'modeldeployment-operator';
