import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec } from '../../api/modeldeployment.gen.ts';
import { deploymentController } from '../testing/controllers.ts';
import { modelPods, resolverPods } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, more: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag) },
  replicas: 2,
  ...more,
});
function serving(): Simulator {
  const sim = new Simulator(spec(1));
  sim.settle();
  return sim;
}

/** Phases at every pass while the cluster moves on. */
function phases(sim: Simulator, passes = 20): string[] {
  const seen: string[] = [];
  for (let pass = 0; pass < passes; pass++) {
    sim.reconcile();
    const { phase = '' } = sim.status;
    if (seen.at(-1) !== phase) seen.push(phase);
    sim.step();
    sim.now += 1_000;
  }
  return seen;
}

/** Pods go, and the Deployment says so, before new ones are made. */
function losePods(sim: Simulator, count: number): void {
  for (const pod of modelPods(sim.store).slice(0, count)) sim.store.remove(pod as never);
  deploymentController(sim.store);
}

describe('the phase', () => {
  it.each([3, 8])('is Progressing while replicas go from 2 to %d, then Ready', (replicas) => {
    const sim = serving();
    sim.applySpec(spec(1, { replicas }));
    expect(phases(sim, 60)).toEqual(['Progressing', 'Ready']);
  });

  it('stays Progressing as long as the pods of a scale-up find no node', () => {
    const sim = serving();
    sim.applySpec(spec(1, { replicas: 3 }));
    sim.reconcile();
    expect(sim.status).toMatchObject({ phase: 'Progressing', ready: '2/3' });
    sim.now += 3_600_000;
    sim.reconcile();
    expect(sim.status.phase).toBe('Progressing');
  });

  it('is Progressing while the registry is away, and Degraded once what serves is lost too', () => {
    const sim = serving();
    sim.applySpec(spec(2));
    sim.reconcile();
    const [resolver] = resolverPods(sim.store);
    const message = JSON.stringify({ reason: 'SourceUnavailable', message: 'connection refused' });
    const terminated = { exitCode: 1, message, finishedAt: new Date(sim.now).toISOString() };
    const failed = { name: 'resolve', image: 'i', imageID: 'i', ready: false, restartCount: 0, state: { terminated } };
    sim.store.change(resolver!, (next) => void (next.status = { phase: 'Failed', containerStatuses: [failed] }));
    sim.reconcile();
    const ready = sim.status.conditions?.find(({ type }) => type === 'Ready');
    expect([sim.status.phase, ready?.reason]).toEqual(['Progressing', 'SourceUnavailable']);
    losePods(sim, 2);
    sim.reconcile();
    expect(sim.status.phase).toBe('Degraded');
  });

  it('is Degraded from the loss of a pod that answered until it is back', () => {
    const sim = serving();
    losePods(sim, 1);
    expect(phases(sim)).toEqual(['Degraded', 'Ready']);
  });

  it('is Degraded when a pod that answered is lost together with a scale-up', () => {
    const sim = serving();
    losePods(sim, 1);
    sim.applySpec(spec(1, { replicas: 3 }));
    expect(phases(sim, 40)).toEqual(['Degraded', 'Ready']);
  });
});
