import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { NAME } from '../testing/cluster.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';
import type { Stored } from '../testing/store.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, rollout: Rollout = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag), digest: digestOf(uri(tag)), version: String(tag) },
  replicas: 2,
  rollout: { bakeSeconds: 0, ...rollout, analysis: { minRequests: 0 } },
});
const CANARY: Rollout = { strategy: 'Canary', canary: { steps: [{ weight: 20 }] } };
const reasons = (sim: Simulator): string[] => sim.events.map(({ reason }) => reason);
const condition = (sim: Simulator, type: string) => sim.status.conditions?.find((c) => c.type === type);

/** 1 serves, 2 is wanted and has failed. */
function failed(rollout: Rollout = {}): Simulator {
  const sim = new Simulator(spec(1, rollout));
  sim.settle();
  sim.fates.set(digestOf(uri(2)), { fails: 'ModelLoadFailed' });
  sim.applySpec(spec(2, rollout));
  sim.settle();
  expect(sim.status).toMatchObject({ phase: 'RolledBack', stable: { revision: 1 } });
  return sim;
}

function forget(sim: Simulator, ...numbers: number[]): void {
  for (const number of numbers) sim.store.remove(sim.store.get<Stored>('ControllerRevision', `${NAME}-${number}`)!);
}

/** Nobody gets anything but revision 1, whatever happens meanwhile. */
function servesOnly(sim: Simulator, revision = 1): void {
  for (let turn = 0; turn < 60; turn++) {
    sim.reconcile();
    expect(sim.revisionInDeployment()).toBe(revision);
    sim.step();
    sim.now += 1_000;
  }
}

describe('a ControllerRevision that somebody deletes', () => {
  it.each([[[1]], [[2]], [[1, 2]]])('%p: is written again; the failed revision is not rolled out', (numbers) => {
    const sim = failed();
    forget(sim, ...numbers);
    servesOnly(sim);
    expect(sim.status).toMatchObject({ phase: 'RolledBack', stable: { revision: 1 }, failedTarget: { revision: 2 } });
    expect(reasons(sim).filter((reason) => reason === 'RevisionRestored')).toHaveLength(numbers.length);
    expect(sim.store.list('ControllerRevision')).toHaveLength(2);
    sim.writes.length = 0;
    sim.settle();
    expect(sim.writes).toEqual([]);
  });

  it.each([[[1]], [[2]], [[1, 2]]])('%p: a canary goes on as it stood', (numbers) => {
    const sim = new Simulator(spec(1, CANARY));
    sim.settle();
    sim.applySpec(spec(2, CANARY));
    sim.settleUntil(() => sim.status.trial?.paused === true);
    const { verdict: _, ...trial } = sim.status.trial!;
    forget(sim, ...numbers);
    servesOnly(sim);
    expect(sim.status.trial).toMatchObject(trial);
  });

  it('while somebody has changed the pod template: what serves is left, and it is said, until Retry', () => {
    const sim = failed(CANARY);
    forget(sim, 1);
    const edited = structuredClone(sim.deployment!.spec!.template);
    edited.spec!.containers[0]!.args = ['sleep'];
    sim.store.patch('Deployment', NAME, [{ op: 'replace', path: '/spec/template', value: edited }]);
    servesOnly(sim);
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'RevisionLost' });
    expect(condition(sim, 'Stalled')).toMatchObject({ status: 'True', reason: 'RevisionLost' });
    expect(reasons(sim).filter((reason) => reason === 'RevisionLost')).toHaveLength(1);
    sim.fates.set(digestOf(uri(2)), 'serves');
    sim.applySpec({ ...sim.spec, rollout: { ...sim.spec.rollout, action: { type: 'Retry', id: 'r' } } });
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
  });

  it('of which an older operator put nothing on record: what serves is left, and it is said', () => {
    const sim = failed();
    const { revisions: _, ...old } = sim.status;
    sim.status = old;
    sim.writes.length = 0;
    sim.settle();
    expect(sim.writes).toEqual([]);
    forget(sim, 1, 2);
    servesOnly(sim);
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'RevisionLost' });
  });
});

describe('a status that is wiped', () => {
  it('does not make a failed revision a new one', () => {
    const sim = failed();
    sim.status = {};
    servesOnly(sim);
    expect(sim.status).toMatchObject({ phase: 'RolledBack', stable: { revision: 1 }, failedTarget: { revision: 2 } });
  });

  it('does not give everybody what was on trial', () => {
    const sim = new Simulator(spec(1, CANARY));
    sim.settle();
    sim.applySpec(spec(2, CANARY));
    sim.settleUntil(() => sim.status.trial?.paused === true);
    sim.status = {};
    servesOnly(sim);
    expect(sim.status).toMatchObject({ stable: { revision: 1 }, trial: { revision: 2 } });
  });

  it('with the whole history: what serves is left, and it is said', () => {
    const sim = failed();
    forget(sim, 1, 2);
    sim.status = {};
    servesOnly(sim);
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'RevisionLost' });
  });
});
