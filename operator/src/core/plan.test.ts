import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelDeploymentSpec } from '../api/modeldeployment.gen.ts';
import { LABEL } from './names.ts';
import { NAME } from './testing/cluster.ts';
import { digestOf, type Fate, reachNodes } from './testing/kubelet.ts';
import { losses } from './testing/losses.ts';
import { Simulator } from './testing/simulator.ts';

const uri = (tag: number | string): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number | string, more: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag) },
  replicas: 2,
  ...more,
});
/** Nothing is to be resolved: the first pass rolls out. */
const pinned = (tag: number): ModelDeploymentSpec =>
  spec(tag, { model: { uri: uri(tag), digest: digestOf(uri(tag)) } });
const condition = (sim: Simulator, type: string) => sim.status.conditions?.find((c) => c.type === type);
const reasons = (sim: Simulator): string[] => sim.events.map(({ reason }) => reason);

function serving(tag: number | string, more: Partial<ModelDeploymentSpec> = {}): Simulator {
  const sim = new Simulator(spec(tag, more));
  sim.settle();
  return sim;
}

describe('a ModelDeployment', () => {
  it('becomes Ready, with all its children, in at most 8 writes besides the resolver pod', () => {
    const sim = serving(1);
    expect(sim.status).toMatchObject({
      phase: 'Ready',
      ready: '2/2',
      stable: { revision: 1, digest: digestOf(uri(1)) },
    });
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'True', reason: 'Serving', observedGeneration: 1 });
    expect(sim.writes.filter((write) => !write.endsWith(' Pod')).length).toBeLessThanOrEqual(8);
  });

  it('rolls to a new version in at most 6 writes, and the old pods serve until it answers', () => {
    const sim = serving(1);
    sim.writes.length = 0;
    sim.applySpec(spec(2));
    sim.settle();
    expect(sim.status.stable).toMatchObject({ revision: 2, version: '2' });
    expect(sim.readyRevisions()).toEqual([2]);
    expect(sim.writes.filter((write) => !write.endsWith(' Pod')).length).toBeLessThanOrEqual(6);
  });

  it('does nothing in a settled world', () => {
    const sim = serving(1);
    sim.writes.length = 0;
    sim.now += 3_600_000;
    expect(sim.reconcile()).toBe(0);
  });

  it('follows replicas without a new revision', () => {
    const sim = serving(1);
    sim.applySpec(spec(1, { replicas: 4 }));
    sim.settle();
    expect(sim.status).toMatchObject({ ready: '4/4', stable: { revision: 1 } });
  });

  it('with a digest in the spec needs no resolver', () => {
    const sim = new Simulator({ model: { uri: uri(1), digest: digestOf('x') }, replicas: 1 });
    sim.settle();
    expect(sim.writes.filter((write) => write.endsWith(' Pod'))).toEqual([]);
    expect(sim.status.stable?.digest).toBe(digestOf('x'));
  });

  it('takes a digest that is written down for what it serves already, without a rollout', () => {
    const sim = serving(1);
    sim.applySpec({ model: { uri: uri(1), digest: digestOf(uri(1)) }, replicas: 2 });
    sim.settle();
    expect(sim.status.stable?.revision).toBe(1);
  });

  it('says that it waits for a model which is not there yet, and goes on when it is pushed', () => {
    const sim = new Simulator(spec(1));
    sim.tags.set(uri(1), 'missing');
    sim.settle();
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'ModelNotFound' });
    sim.tags.delete(uri(1));
    sim.now += 60_000;
    sim.settle();
    expect(sim.status.phase).toBe('Ready');
  });
});

describe('a model that cannot be resolved', () => {
  it('is told by its own address, also after another one that was not there either', () => {
    const sim = new Simulator(spec(1));
    for (const tag of [1, 2]) sim.tags.set(uri(tag), 'missing');
    sim.settle();
    expect(sim.status.lastFailure?.message).toContain(uri(1));
    sim.applySpec(spec(2));
    sim.settle();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(sim.status.lastFailure?.message).toContain(uri(2));
      expect(condition(sim, 'Ready')?.message).toContain(uri(2));
      sim.now += 60_000;
      sim.reconcile();
      expect(condition(sim, 'Ready')?.message).toContain(uri(2));
      sim.settle();
    }
  });
});

describe('going back', () => {
  it('by applying the old spec targets the old revision again, with the same bytes although the tag moved', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.tags.set(uri(1), digestOf('moved'));
    sim.applySpec(spec(1));
    sim.settle();
    expect(sim.status.stable).toMatchObject({ revision: 1, digest: digestOf(uri(1)) });
  });

  it('by rollbackTo without from pins visibly', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(2, { rollbackTo: { revision: 1 } }));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Pinned', stable: { revision: 1 } });
    sim.applySpec(spec(3, { rollbackTo: { revision: 1 } }));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Pinned', stable: { revision: 1 } });
  });

  it('by rollbackTo with from is spent once the spec asks for something else, and A→B→A does not revive it', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(2, { rollbackTo: { revision: 1, from: 2 } }));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 1 } });
    sim.applySpec(spec(3, { rollbackTo: { revision: 1, from: 2 } }));
    sim.settle();
    expect(sim.status.stable?.revision).toBe(3);
    expect(condition(sim, 'RolledBack')).toMatchObject({ status: 'False', reason: 'RollbackSpent' });
  });

  it('by rollbackTo to a revision that does not exist says so and changes nothing', () => {
    const sim = serving(1);
    sim.applySpec(spec(1, { rollbackTo: { revision: 7 } }));
    sim.settle();
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'RevisionNotFound' });
    expect(sim.readyRevisions()).toEqual([1]);
  });

  it('by kubectl rollout undo is adopted: the undone revision stays, until the model changes', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.undoTo(1);
    sim.settle();
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 2 });
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 1 } });
    expect(reasons(sim)).toContain('ManualUndoAdopted');
    sim.applySpec(spec(3));
    sim.settle();
    expect(sim.status.stable?.revision).toBe(3);
    expect(sim.spec.rollbackTo).toBeUndefined();
  });

  it('by kubectl rollout undo while the operator is away is adopted when it returns', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.undoTo(1);
    while (sim.step());
    sim.settle();
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 2 });
  });

  it('undone twice returns to the spec, and removes what the first undo had written', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    sim.undoTo(1);
    sim.settle();
    sim.undoTo(2);
    sim.settle();
    expect(sim.spec.rollbackTo).toBeUndefined();
    expect(sim.status.stable?.revision).toBe(2);
  });

  it.each([1, 2, 3])('a write of ours that the status does not know of (crash after %d) is no undo', (writes) => {
    const sim = serving(1, pinned(1));
    sim.applySpec(pinned(2));
    sim.reconcile(writes);
    sim.applySpec(pinned(1));
    sim.settle();
    expect(sim.spec.rollbackTo).toBeUndefined();
    expect(reasons(sim)).not.toContain('ManualUndoAdopted');
    expect(sim.status).toMatchObject({ phase: 'Ready', deployed: 1, stable: { revision: 1 } });
  });

  it('an undo of a write of ours that the status does not know of is adopted', () => {
    const sim = serving(1, pinned(1));
    sim.applySpec(pinned(2));
    sim.reconcile(2);
    while (sim.step());
    expect([sim.revisionInDeployment(), sim.status.deployed]).toEqual([2, 1]);
    sim.undoTo(1);
    sim.settle();
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 2 });
  });

  it('by undo is adopted of a Deployment that does not say which revision was written last', () => {
    const sim = serving(1);
    sim.applySpec(spec(2));
    sim.settle();
    const { [LABEL.revision]: _, ...labels } = sim.deployment?.metadata?.labels ?? {};
    sim.store.patch('Deployment', NAME, [{ op: 'add', path: '/metadata/labels', value: labels }]);
    expect(sim.reconcile()).toBe(0);
    sim.undoTo(1);
    sim.settle();
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 2 });
  });

  it('by undo is taken back when onManualUndo is Revert', () => {
    const sim = serving(1, { rollout: { onManualUndo: 'Revert' } });
    sim.applySpec(spec(2, { rollout: { onManualUndo: 'Revert' } }));
    sim.settle();
    sim.undoTo(1);
    sim.settle();
    expect(sim.status.stable?.revision).toBe(2);
    expect(sim.readyRevisions()).toEqual([2]);
    expect(reasons(sim)).toContain('ManualUndoReverted');
  });

  it('takes back a template that was edited by hand', () => {
    const sim = serving(1);
    const template = structuredClone(sim.deployment?.spec?.template);
    const container = template?.spec?.containers[0];
    if (container === undefined) throw new Error('no container');
    container.image = 'something:else';
    sim.store.patch('Deployment', 'digits', [{ op: 'replace', path: '/spec/template', value: template }]);
    sim.settle();
    expect(sim.deployment?.spec?.template.spec?.containers[0]?.image).toBe('serving:1');
    expect(reasons(sim)).toContain('ManualEditReverted');
  });

  it('lets kubectl rollout restart stand', () => {
    const sim = serving(1);
    const template = structuredClone(sim.deployment?.spec?.template);
    if (template?.metadata === undefined) throw new Error('no template');
    template.metadata.annotations = { ...template.metadata.annotations, 'kubectl.kubernetes.io/restartedAt': 'now' };
    sim.store.patch('Deployment', 'digits', [{ op: 'replace', path: '/spec/template', value: template }]);
    sim.writes.length = 0;
    sim.settle();
    expect(sim.writes.filter((write) => write !== 'status')).toEqual([]);
    expect(sim.status.phase).toBe('Ready');
  });
});

describe('a version that fails', () => {
  const broken: Fate[] = [
    { fails: 'DigestMismatch' },
    { fails: 'ModelLoadFailed' },
    { fails: 'WarmupFailed' },
    'crashes',
  ];

  it.each(broken)('for a definite cause (%j) is taken back at once, and status says why', (fate) => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), fate);
    sim.applySpec(spec(2));
    sim.settle();
    expect(sim.status).toMatchObject({
      phase: 'RolledBack',
      ready: '2/2',
      stable: { revision: 1 },
      target: { revision: 2 },
    });
    expect(sim.readyRevisions()).toEqual([1]);
    expect(condition(sim, 'Available')?.status).toBe('True');
    expect(condition(sim, 'Ready')?.status).toBe('False');
    expect(sim.status.lastFailure).toMatchObject({ revision: 2 });
    expect(reasons(sim)).toEqual(expect.arrayContaining(['RolloutFailed', 'RolledBack']));
  });

  it('is not seen in how long ago the last rollout was: a new one has its whole deadline', () => {
    const sim = serving(1);
    sim.now += 3_600_000;
    sim.applySpec(spec(2));
    sim.reconcile();
    sim.step();
    // The operator is faster than the controller of the Deployment.
    for (let pass = 0; pass < 3; pass++) sim.reconcile();
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
    expect(reasons(sim)).not.toContain('RolloutFailed');
  });

  it('for a passing cause is waited for until the deadline, and an undo to it is not refused later', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'unschedulable');
    sim.applySpec(spec(2));
    sim.settle();
    expect(sim.status.phase).toBe('Progressing');
    expect(condition(sim, 'Ready')?.reason).toBe('Unschedulable');
    sim.now += 301_000;
    sim.settle();
    expect(sim.status).toMatchObject({
      phase: 'RolledBack',
      failedTarget: { revision: 2, reason: 'Unschedulable', definite: false },
    });
    expect(sim.world().revisions.find(({ number }) => number === 2)?.condemned).toBeUndefined();
  });

  it('stays failed as long as it is the target: nothing is tried again by itself', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(2));
    sim.settle();
    sim.writes.length = 0;
    const before = structuredClone(sim.status);
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.status).toEqual(before);
    expect(sim.writes).toEqual([]);
  });

  it('is tried again after bad → good → bad', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(1));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 1 } });
    sim.fates.set(digestOf(uri(2)), 'serves');
    sim.applySpec(spec(2));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
  });

  it('is tried again once by Retry', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(2));
    sim.settle();
    sim.fates.delete(digestOf(uri(2)));
    sim.applySpec(spec(2, { rollout: { action: { type: 'Retry', id: 'a' } } }));
    sim.settle();
    expect(sim.status).toMatchObject({
      phase: 'Ready',
      stable: { revision: 2 },
      lastAction: { type: 'Retry', id: 'a' },
    });
    expect(sim.world().revisions.find(({ number }) => number === 2)?.condemned).toBeUndefined();
  });

  it('cannot be reached by an undo until Retry', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(2));
    sim.settle();
    sim.undoTo(2);
    sim.settle();
    expect(sim.readyRevisions()).toEqual([1]);
    expect(sim.revisionInDeployment()).toBe(1);
    expect(reasons(sim)).toContain('ManualUndoReverted');
  });

  it('with onFailure Pause is left as it stands, the old pods go on serving', () => {
    const sim = serving(1, { rollout: { onFailure: 'Pause' } });
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(2, { rollout: { onFailure: 'Pause' } }));
    sim.settle();
    expect(sim.status.phase).toBe('Failed');
    expect(sim.revisionInDeployment()).toBe(2);
    expect(sim.readyRevisions()).toEqual([1]);
  });

  it('as the first revision stays Failed with its reason, and becomes Ready when it heals', () => {
    const sim = new Simulator(spec(1));
    sim.fates.set(digestOf(uri(1)), { fails: 'ModelLoadFailed' });
    sim.settle();
    expect(sim.status.phase).toBe('Failed');
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'ModelLoadFailed' });
    expect(condition(sim, 'Stalled')?.status).toBe('True');
    sim.fates.delete(digestOf(uri(1)));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 1 } });
    expect(sim.status.failedTarget).toBeUndefined();
  });

  it('as the first revision is started again by Retry, and judged anew', () => {
    const sim = new Simulator(spec(1));
    sim.fates.set(digestOf(uri(1)), 'crashes');
    sim.settle();
    expect(sim.status.phase).toBe('Failed');
    const before = sim.pods().map((pod) => pod.metadata?.name);
    sim.applySpec(spec(1, { rollout: { action: { type: 'Retry', id: 'a' } } }));
    sim.reconcile();
    expect(sim.status.failedTarget).toBeUndefined();
    expect(sim.pods().map((pod) => pod.metadata?.name)).not.toEqual(before);
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Failed', lastAction: { id: 'a' } });
  });

  it('is replaced at once by a newer spec', () => {
    const sim = serving(1);
    sim.fates.set(digestOf(uri(2)), 'loads slowly');
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(3));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 3 } });
  });
});

describe('a newer operator', () => {
  it('restarts no model, and says that the serving image is outdated', () => {
    const sim = serving(1);
    sim.writes.length = 0;
    sim.settings = { ...sim.settings, servingImage: 'serving:2' };
    sim.settle();
    expect(sim.writes).toEqual(['status']);
    expect(condition(sim, 'ServerOutdated')).toMatchObject({ status: 'True', reason: 'NewerServingImage' });
  });

  it.each<Partial<ModelDeploymentSpec>>([
    { server: { updatePolicy: 'Auto' } },
    { rollout: { action: { type: 'Refresh', id: '1' } } },
  ])('rolls its serving image out with %j: same bytes, same version', (more) => {
    const sim = serving(1);
    sim.tags.set(uri(1), digestOf('moved'));
    sim.settings = { ...sim.settings, servingImage: 'serving:2' };
    sim.applySpec(spec(1, more));
    sim.settle();
    expect(sim.status.stable).toMatchObject({ revision: 2, version: '1', digest: digestOf(uri(1)) });
    expect(condition(sim, 'ServerOutdated')?.status).toBe('False');
  });
});

describe('the history', () => {
  it('keeps revisionHistoryLimit idle revisions and whatever a ReplicaSet refers to', () => {
    const sim = serving(1, { revisionHistoryLimit: 2 });
    for (const tag of [2, 3, 4, 5, 6]) {
      sim.applySpec(spec(tag, { revisionHistoryLimit: 2 }));
      sim.settle();
    }
    const held = sim.world().replicaSets.map((set) => Number(set.metadata?.labels?.['modelserving.dev/revision']));
    const kept = sim.world().revisions.map(({ number }) => number);
    expect(kept).toEqual(expect.arrayContaining(held));
    expect(kept.at(-1)).toBe(6);
  });
});

function run(sim: Simulator, turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    sim.reconcile();
    sim.step();
  }
}

describe('whatever happens', () => {
  const FATES: Fate[] = ['serves', 'serves', 'crashes', { fails: 'DigestMismatch' }, 'unschedulable'];
  const step = fc.oneof(
    fc.record({ do: fc.constant('apply' as const), tag: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('undo' as const), tag: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('crash' as const), after: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ do: fc.constant('run' as const), turns: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ do: fc.constant('lose' as const), which: fc.nat() }),
  );
  /** Pods become unready, lose their node, are evicted or deleted; their Deployment is deleted: one of these, if there is any. */
  function lose(sim: Simulator, which: number): void {
    const ways = losses(sim);
    ways[which % Math.max(1, ways.length)]?.apply(sim);
  }
  function settleAgain(sim: Simulator): void {
    sim.settle();
    reachNodes(sim.store, sim.fates);
    sim.settle();
  }

  it('a crash between any two writes leads to the same end, the last spec wins, and the end is quiet', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 14 }),
        fc.array(fc.constantFrom(...FATES), { minLength: 4, maxLength: 4 }),
        (steps, fates) => {
          const sim = serving('base');
          fates.forEach((fate, i) => sim.fates.set(digestOf(uri(i + 1)), fate));
          for (const action of steps) {
            if (action.do === 'apply') sim.applySpec(spec(action.tag));
            else if (action.do === 'crash') sim.reconcile(action.after);
            else if (action.do === 'run') run(sim, action.turns);
            else if (action.do === 'lose') lose(sim, action.which);
            // A person can only undo to a ReplicaSet that exists.
            else if (
              sim.deployment !== undefined &&
              sim
                .world()
                .replicaSets.some((set) => set.metadata?.labels?.['modelserving.dev/revision'] === String(action.tag))
            )
              sim.undoTo(action.tag);
            if (steps.every((one) => one.do !== 'lose')) expect(sim.readyRevisions().length).toBeGreaterThan(0);
          }
          sim.applySpec(spec('last'));
          settleAgain(sim);
          expect(sim.status).toMatchObject({ phase: 'Ready', stable: { digest: digestOf(uri('last')) } });
          expect(sim.readyRevisions()).toEqual([sim.status.stable?.revision]);
          expect(sim.spec.rollbackTo).toBeUndefined();
          sim.now += 3_600_000;
          expect(sim.reconcile()).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a crash anywhere in an update to a failing version ends as without the crash', () => {
    for (let first = 0; first < 8; first++) {
      for (let second = 0; second < 8; second++) {
        const sim = serving(1);
        sim.fates.set(digestOf(uri(2)), 'crashes');
        sim.applySpec(spec(2));
        for (const after of [first, second, first]) {
          sim.reconcile(after);
          while (sim.step());
        }
        sim.settle();
        expect(sim.status).toMatchObject({
          phase: 'RolledBack',
          stable: { revision: 1 },
          failedTarget: { revision: 2 },
        });
        expect(sim.spec.rollbackTo).toBeUndefined();
      }
    }
  });
});
