import { describe, expect, it } from '@jest/globals';
import { digestOf, modelObjectsOf, Simulator, type Spec, spec, uri } from '../testing/simulated.ts';
import { type Change, predictChange } from './change.ts';

function serving(...specs: Spec[]): Simulator {
  const [first = spec(1), ...rest] = specs;
  const sim = new Simulator(first);
  sim.settle();
  for (const next of rest) {
    sim.applySpec(next);
    sim.settle();
  }
  return sim;
}

/** What the command says before the manifest is applied. */
function predict(sim: Simulator, next: Spec, missing: { kind: string; why: string }[] = []): Change {
  const { model } = modelObjectsOf(sim);
  const then = sim.clone();
  then.applySpec(next);
  return predictChange(model, then.world(), missing);
}

/** Whether the simulated operator then starts pods, the resolver of a tag aside. */
function startsPods(sim: Simulator, next: Spec): boolean {
  const before = new Set(sim.pods().map((pod) => pod.metadata?.uid));
  const then = sim.clone();
  then.applySpec(next);
  for (let turn = 0; turn < 40; turn++) {
    then.reconcile();
    then.step();
    then.now += 1000;
    if (then.pods().some((pod) => !before.has(pod.metadata?.uid))) return true;
  }
  return false;
}

const failing = (): Simulator => {
  const sim = serving();
  sim.fates.set(digestOf(uri(2)), { fails: 'WarmupFailed' });
  sim.applySpec(spec(2));
  sim.settle();
  return sim;
};
const pinned = (): Simulator => serving(spec(1), spec(2), spec(2, { rollbackTo: { revision: 1 } }));

describe('what applying a manifest would do', () => {
  it.each<[string, Simulator, Spec, string]>([
    ['the same again', serving(), spec(1), 'nothing changes'],
    ['another model', serving(), spec(2), 'a new revision is made: its pods will start, by a rolling update'],
    [
      'another model, tried first',
      serving(),
      spec(2, { rollout: { strategy: 'Shadow' } }),
      'its pods will start, on trial first (Shadow)',
    ],
    ['other resources', serving(), spec(1, { server: { engine: 'cpu' } }), 'a new revision is made'],
    [
      'its digest written down',
      serving(),
      { model: { uri: uri(1), digest: digestOf(uri(1)) }, replicas: 2 },
      'no pod starts',
    ],
    [
      'settings of the rollout',
      serving(),
      spec(1, { rollout: { bakeSeconds: 5 } }),
      'no new revision, no pod starts or ends',
    ],
    ['more replicas', serving(), spec(1, { replicas: 3 }), 'no new revision, 1 more pod will start'],
    ['fewer replicas', serving(), spec(1, { replicas: 1 }), '1 pod will end'],
    ['an earlier model', serving(spec(1), spec(2)), spec(1), 'revision 1 (version 1) of the history serves again'],
    [
      'a rollback',
      serving(spec(1), spec(2)),
      spec(2, { rollbackTo: { revision: 1, from: 2 } }),
      'revision 1 (version 1)',
    ],
    [
      'a rollback to nothing',
      serving(),
      spec(1, { rollbackTo: { revision: 7 } }),
      'spec.rollbackTo asks for revision 7',
    ],
    [
      'another model under a pin',
      pinned(),
      spec(3, { rollbackTo: { revision: 1 } }),
      'spec.rollbackTo holds revision 1',
    ],
    [
      'settings while the target has failed',
      failing(),
      spec(2, { rollout: { bakeSeconds: 5 } }),
      'before kubectl mdep retry',
    ],
  ])('is said for %s, and is what the operator then does', (_, sim, next, words) => {
    const change = predict(sim, next);
    expect(change.verdict).toContain(words);
    expect(change.startsPods).toBe(startsPods(sim, next));
  });

  it('names each field, and whether it is part of the revision', () => {
    const { fields } = predict(serving(), spec(2, { replicas: 5, rollout: { bakeSeconds: 5 } }));
    expect(fields).toEqual([
      { path: 'spec.model.uri', before: uri(1), after: uri(2), note: 'part of the revision' },
      { path: 'spec.replicas', before: 2, after: 5, note: 'scales' },
      { path: 'spec.rollout.bakeSeconds', before: 60, after: 5, note: 'makes no revision' },
    ]);
  });

  it('of a new one lists what differs from the defaults', () => {
    const sim = new Simulator(spec(1));
    const change = predictChange(undefined, sim.world(), []);
    expect(change).toMatchObject({ startsPods: true, verdict: 'digits is new: 2 pods will start' });
    expect(change.fields.map(({ path }) => path)).toEqual(['spec.model.uri', 'spec.replicas']);
  });

  it('includes what follows once a tag is resolved, without a digest that nobody knows yet', () => {
    const { plan } = predict(serving(), spec(2));
    expect(plan.map((write) => `${write.do} ${write.object.replace(/-resolve-.*/, '-resolve')}`)).toEqual(
      expect.arrayContaining([
        'create Pod/digits-resolve',
        'create ControllerRevision/digits-2',
        'patch Deployment/digits',
      ]),
    );
    expect(plan.map(({ because }) => because).join()).toContain('the digest of its tag');
    expect(JSON.stringify(plan)).not.toContain('0000');
  });

  it('is silent about kinds that could not be read', () => {
    const sim = serving();
    const then = sim.clone();
    then.applySpec(spec(1, { replicas: 3 }));
    const world = { ...then.world(), service: undefined };
    const { plan } = predictChange(modelObjectsOf(sim).model, world, [
      { kind: 'services', why: 'you may not list them' },
    ]);
    expect(plan.map(({ object }) => object)).toEqual(['Deployment/digits']);
  });
});
