import { describe, expect, it } from '@jest/globals';
import { modelObjectsOf, Simulator, spec, digestOf, uri } from '../testing/simulated.ts';
import { planUndo, type Undo } from './undo.ts';

function served(...tags: number[]): Simulator {
  const sim = new Simulator(spec(tags[0] ?? 1));
  sim.settle();
  for (const tag of tags.slice(1)) {
    sim.applySpec(spec(tag));
    sim.settle();
  }
  return sim;
}

const undo = (sim: Simulator, asked?: number): Undo => planUndo(modelObjectsOf(sim), sim.world(), asked);

/** Writes what undo says, as the command does. */
function write(sim: Simulator, { rollbackTo }: Undo): void {
  const { rollbackTo: _, ...rest } = sim.spec;
  const { revision = 0, from = 0 } = rollbackTo ?? {};
  sim.spec = rollbackTo === null ? rest : { ...rest, rollbackTo: { revision, from } };
  sim.generation++;
  sim.settle();
}

describe('undo', () => {
  it('returns to the revision that was deployed before', () => {
    expect(undo(served(1, 2, 3))).toMatchObject({ to: 2, rollbackTo: { revision: 2, from: 3 } });
  });

  it('after A→B→A returns to B, as kubectl rollout undo does', () => {
    expect(undo(served(1, 2, 1))).toMatchObject({ to: 2, rollbackTo: { revision: 2, from: 1 } });
  });

  it('goes by the order in which revisions were deployed, which is not that of their numbers', () => {
    const sim = served(1, 2, 3, 1, 2);
    const objects = modelObjectsOf(sim);
    const order: Record<string, string> = { '3': '3', '1': '4', '2': '5' };
    for (const { metadata } of objects.replicaSets) {
      const deployed = order[metadata.labels?.['modelserving.dev/revision'] ?? ''] ?? '';
      metadata.annotations = { ...metadata.annotations, 'deployment.kubernetes.io/revision': deployed };
    }
    expect(planUndo(objects, sim.world(), undefined).to).toBe(1);
  });

  it('of an undo returns to what spec.model asks for, and then has nothing left to write', () => {
    const sim = served(1, 2);
    write(sim, undo(sim));
    expect(sim.status.stable?.revision).toBe(1);
    const back = undo(sim);
    expect(back).toMatchObject({ to: 2, rollbackTo: null });
    write(sim, back);
    expect(sim.status.stable?.revision).toBe(2);
  });

  it('counts from what spec.model asks for, also when another revision serves already', () => {
    const sim = served(1, 2, 3);
    write(sim, undo(sim, 2));
    write(sim, undo(sim, 1));
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 3 });
    expect(sim.status.stable?.revision).toBe(1);
  });

  it('replaces a rollback by digest as a whole, for the API takes one or the other', () => {
    expect(undo(served(1, 2)).rollbackTo).toHaveProperty('digest', null);
  });

  it('while a revision is on trial returns to the one that serves', () => {
    const sim = served(1);
    sim.applySpec(spec(2, { rollout: { strategy: 'Canary', canary: { steps: [{ weight: 10 }] } } }));
    sim.settle();
    expect(sim.status.trial?.revision).toBe(2);
    expect(undo(sim)).toMatchObject({ to: 1, rollbackTo: { revision: 1, from: 2 } });
  });

  it('passes over a revision that failed, and warns when it is asked for', () => {
    const sim = served(1);
    sim.fates.set(digestOf(uri(2)), { fails: 'ModelLoadFailed' });
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(3));
    sim.settle();
    expect(undo(sim)).toMatchObject({ to: 1, warning: undefined });
    expect(undo(sim, 2).warning).toContain('ModelLoadFailed');
  });

  it('never returns by itself to a revision that was but tried', () => {
    const sim = served(1, 2);
    sim.applySpec(spec(3, { rollout: { strategy: 'Canary', analysis: { minRequests: 0 } } }));
    for (let turn = 0; turn < 5; turn++) {
      sim.reconcile();
      sim.step();
      sim.now += 1000;
    }
    expect(modelObjectsOf(sim).revisions.map(({ number }) => number)).toEqual([1, 2, 3]);
    sim.applySpec(spec(2));
    sim.settle();
    expect(undo(sim).to).toBe(1);
  });

  it.each([
    ['there is no other revision', served(1), undefined, 'there is no revision to return to'],
    ['it is not in the history', served(1, 2), 9, 'there is no revision 9; the history of digits has 1, 2'],
    ['spec.model asks for it already', served(1, 2), 2, 'spec.model asks for revision 2 already'],
  ])('says so when %s', (_, sim, asked, message) => {
    expect(() => undo(sim, asked)).toThrow(message);
  });

  it('names the manifest to apply while the number of the new revision is not known', () => {
    const sim = served(1);
    sim.applySpec(spec(2));
    expect(() => undo(sim)).toThrow(`apply the manifest of revision 1 (${uri(1)}@${digestOf(uri(1))})`);
  });
});
