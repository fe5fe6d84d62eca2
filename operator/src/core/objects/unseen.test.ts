import { describe, expect, it } from '@jest/globals';
import { Simulator } from '../testing/simulator.ts';
import { lacksPods, unseenChildren } from './unseen.ts';

function serving(): Simulator {
  const sim = new Simulator({ model: { uri: 'oci://registry.example/models/digits:1' }, replicas: 2 });
  sim.settle();
  return sim;
}

describe('a child that is not seen', () => {
  it('is looked for by its name once it was made, and not before', () => {
    const sim = serving();
    expect(unseenChildren(sim.world())).toEqual([]);
    expect(unseenChildren({ ...sim.world(), deployment: undefined, revisions: [] })).toEqual([
      { kind: 'Deployment', name: 'digits' },
      { kind: 'ControllerRevision', name: 'digits-1' },
    ]);
    const fresh = new Simulator(sim.spec);
    expect(unseenChildren(fresh.world())).toEqual([]);
  });

  it('among the pods is known by their count', () => {
    const world = serving().world();
    expect(lacksPods(world)).toBe(false);
    expect(lacksPods({ ...world, pods: world.pods.slice(1) })).toBe(true);
    expect(lacksPods({ ...world, pods: [], replicaSets: [] })).toBe(true);
  });
});

describe('a child whose label or owner somebody changes', () => {
  it.each(['Deployment', 'Service', 'PodDisruptionBudget', 'ServiceAccount'])('%s is labelled again', (kind) => {
    const sim = serving();
    sim.writes.length = 0;
    sim.store.patch(kind, 'digits', [
      { op: 'add', path: '/metadata/labels', value: { 'app.kubernetes.io/managed-by': 'Helm' } },
    ]);
    sim.settle();
    expect(sim.writes).toEqual([`patch ${kind}`]);
    expect(sim.store.get(kind, 'digits')?.metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'modeldeployment-operator',
    });
    expect(sim.status.phase).toBe('Ready');
  });

  it('pods and ReplicaSets of another label count as what they are', () => {
    const sim = serving();
    const [pod] = sim.pods();
    const labels = { ...pod?.metadata?.labels, 'modelserving.dev/revision': '7' };
    sim.store.patch('Pod', pod?.metadata?.name ?? '', [{ op: 'add', path: '/metadata/labels', value: labels }]);
    const world = sim.world();
    expect(world.pods.map(({ metadata }) => metadata?.labels?.['modelserving.dev/revision'])).toEqual(['1', '1']);
    sim.settle();
    expect(sim.pods().map(({ metadata }) => metadata?.labels?.['modelserving.dev/revision'])).toEqual(['1', '1']);
  });

  it('another owner beside us is left alone', () => {
    const sim = serving();
    sim.writes.length = 0;
    for (const kind of ['Deployment', 'Service', 'ServiceAccount'])
      sim.store.patch(kind, 'digits', [
        { op: 'add', path: '/metadata/ownerReferences/-', value: { uid: 'x', kind: 'App', name: 'a' } },
      ]);
    sim.settle();
    expect(sim.writes).toEqual([]);
  });
});
