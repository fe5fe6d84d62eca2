import { describe, expect, it } from '@jest/globals';
import type { ModelObjects, Pod } from '../family.ts';
import { digestOf, modelObjectsOf, Simulator, spec, uri } from '../testing/simulated.ts';
import { makeTree, type PodNode, type Tree } from './tree.ts';

function trees(sim: Simulator): Tree[] {
  const seen: Tree[] = [];
  for (let turn = 0; turn < 60; turn++) {
    sim.reconcile();
    sim.step();
    sim.now += 1000;
    seen.push(makeTree(modelObjectsOf(sim)));
  }
  return seen;
}

const rolesOf = ({ revisions }: Tree) => Object.fromEntries(revisions.map(({ revision, role }) => [revision, role]));
const podsOf = ({ revisions }: Tree): PodNode[] =>
  revisions.flatMap(({ replicaSets }) => replicaSets.flatMap(({ pods }) => pods));

describe('the tree', () => {
  it('shows the revision that serves with its ReplicaSet and pods, and counts the others', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(spec(2));
    sim.settle();
    const tree = makeTree(modelObjectsOf(sim));
    expect(tree).toMatchObject({ name: 'digits', observed: true, uri: uri(2), others: 1, resolving: [], missing: [] });
    expect(tree.revisions).toHaveLength(1);
    expect(tree.revisions[0]).toMatchObject({ revision: 2, version: '2', digest: digestOf(uri(2)), role: 'stable' });
    expect(tree.revisions[0]?.replicaSets[0]).toMatchObject({ deployment: 'digits', replicas: 2, ready: 2 });
    expect(podsOf(tree).map(({ state, tone }) => [state, tone])).toEqual([
      ['Ready', 'good'],
      ['Ready', 'good'],
    ]);
  });

  it('knows when the operator has yet to see a change', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(spec(2));
    expect(makeTree(modelObjectsOf(sim)).observed).toBe(false);
  });

  it('shows the pod that resolves a tag', () => {
    const [first] = trees(new Simulator(spec(1)));
    expect(first?.resolving.map(({ name }) => name)).toEqual([expect.stringMatching(/^digits-resolve-/)]);
  });

  it('shows both revisions of a rolling update, the newest first', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(spec(2));
    const between = trees(sim).filter(({ revisions }) => revisions.length === 2);
    expect(between.map(rolesOf)).toContainEqual({ 2: 'target', 1: 'stable' });
    expect(between[0]?.revisions.map(({ revision }) => revision)).toEqual([2, 1]);
  });

  it('shows a trial with the share of each revision, at every step', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(
      spec(2, {
        rollout: {
          strategy: 'Canary',
          canary: { steps: [{ weight: 20, seconds: 5 }, { weight: 60 }] },
          analysis: { minRequests: 0 },
        },
      }),
    );
    const shares = trees(sim).map(({ revisions }) => revisions.map(({ percent }) => percent));
    expect(shares).toContainEqual([0, 100]);
    expect(shares).toContainEqual([20, 80]);
    expect(shares.at(-1)).toEqual([60, 40]);
    expect(rolesOf(makeTree(modelObjectsOf(sim)))).toEqual({ 2: 'trial', 1: 'stable' });
    expect(makeTree(modelObjectsOf(sim)).steps).toEqual([
      { weight: 20, seconds: 5, manual: false },
      { weight: 60, seconds: 0, manual: true },
    ]);
  });

  it('shows after a switch which pods are kept', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(
      spec(2, { rollout: { strategy: 'BlueGreen', blueGreen: { keepSeconds: 3600 }, analysis: { minRequests: 0 } } }),
    );
    const last = trees(sim).at(-1) as Tree;
    expect(rolesOf(last)).toEqual({ 2: 'trial', 1: 'kept' });
    expect(last.revisions.map(({ percent }) => percent)).toEqual([100, 0]);
  });

  it('shows a shadow with the copies it gets', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.applySpec(spec(2, { rollout: { strategy: 'Shadow', shadow: { percent: 30 } } }));
    const last = trees(sim).at(-1) as Tree;
    expect(last.revisions.map(({ copies, percent }) => ({ copies, percent }))).toEqual([
      { copies: 30 },
      { percent: 100 },
    ]);
  });

  it('shows a revision that failed although its pods are gone', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    sim.fates.set(digestOf(uri(2)), { fails: 'WarmupFailed' });
    sim.applySpec(spec(2));
    const seen = trees(sim);
    expect(seen.flatMap(podsOf)).toContainEqual(
      expect.objectContaining({ state: 'WarmupFailed', tone: 'bad', message: expect.any(String) }),
    );
    expect(rolesOf(seen.at(-1) as Tree)).toEqual({ 2: 'failed', 1: 'stable' });
  });

  it('groups pods by their owner when ReplicaSets cannot be read', () => {
    const sim = new Simulator(spec(1));
    sim.settle();
    const missing = [{ kind: 'replicasets.apps', why: 'you may not list them' }];
    const { revisions } = makeTree({ ...modelObjectsOf(sim), replicaSets: [], missing });
    expect(revisions[0]?.replicaSets).toEqual([
      expect.objectContaining({ name: expect.stringMatching(/^digits-/), replicas: 2, ready: 2 }),
    ]);
  });
});

describe('a pod', () => {
  const container = (state: object, more: object = {}) => ({
    name: 'server',
    image: 'i',
    imageID: 'i',
    ready: false,
    restartCount: 0,
    state,
    ...more,
  });
  const pod = (status: object, metadata: object = {}): Pod =>
    ({
      metadata: {
        name: 'p',
        uid: 'u',
        resourceVersion: '1',
        labels: { 'modelserving.dev/revision': '1' },
        ...metadata,
      },
      status,
    }) as unknown as Pod;
  const shown = (one: Pod): PodNode | undefined => {
    const objects: ModelObjects = { ...modelObjectsOf(new Simulator(spec(1))), pods: [one] };
    return podsOf(makeTree(objects))[0];
  };
  const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };

  it.each<[string, Pod, Partial<PodNode>]>([
    ['pending', pod({ phase: 'Pending' }), { state: 'Starting', tone: 'busy' }],
    [
      'fetching',
      pod({ phase: 'Pending', initContainerStatuses: [container(running, { name: 'fetch' })] }),
      { state: 'FetchingModel', tone: 'busy' },
    ],
    [
      'loading',
      pod({ phase: 'Running', containerStatuses: [container(running)] }),
      { state: 'LoadingModel', tone: 'busy' },
    ],
    [
      'ready',
      pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }),
      { state: 'Ready', tone: 'good' },
    ],
    [
      'going',
      pod(
        { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
        { deletionTimestamp: '2026-01-01T00:00:00Z' },
      ),
      { state: 'Terminating', tone: 'off' },
    ],
    [
      'crashed',
      pod({
        containerStatuses: [
          container({ waiting: {} }, { restartCount: 3, lastState: { terminated: { exitCode: 7 } } }),
        ],
      }),
      { state: 'ServerCrashed', tone: 'bad', restarts: 3 },
    ],
  ])('that is %s is told in one word', (_, one, expected) => {
    expect(shown(one)).toMatchObject(expected);
  });
});
