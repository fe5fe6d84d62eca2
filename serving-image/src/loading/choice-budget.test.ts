import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChoiceBudget } from './choice-budget.ts';

/** A clock that stands until it is moved. */
function budgetOf(loadMs: number, cores: number) {
  let at = 1_000;
  const budget = new ChoiceBudget(loadMs, cores, () => at);
  return { budget, wait: (ms: number) => void (at += ms) };
}

describe('the choice of an engine may take', () => {
  it('a third of the time to load until the first has answered', () => {
    const { budget } = budgetOf(300_000, 1);
    expect([budget.isFirst, budget.leftMs()]).toEqual([true, 100_000]);
  });

  it('three times as long as the first needed to answer once, that time included', () => {
    const { budget, wait } = budgetOf(300_000, 1);
    wait(20_000);
    budget.found(20_000);
    expect([budget.isFirst, budget.leftMs()]).toEqual([false, 40_000]);
    wait(40_001);
    expect(budget.leftMs()).toBeLessThan(0);
  });

  it.each([
    [1, 5_000],
    [0.5, 10_000],
    [0.25, 20_000],
  ])('or what 5 s of a whole core come to: with %d cores %d ms', (cores, least) => {
    const { budget } = budgetOf(300_000, cores);
    budget.found(100);
    expect(budget.leftMs()).toBe(least);
  });

  it('no more because a second engine was slower than the first', () => {
    const { budget } = budgetOf(300_000, 1);
    budget.found(20_000);
    budget.found(90_000);
    expect(budget.leftMs()).toBe(60_000);
  });

  it('never so much that none is left to load the model on the one that is chosen', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 3_600_000 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.array(fc.record({ takes: fc.double({ min: 0, max: 1, noNaN: true }), runs: fc.boolean() }), {
          maxLength: 5,
        }),
        (loadMs, cores, engines) => {
          const { budget, wait } = budgetOf(loadMs, cores);
          let passed = 0;
          for (const { takes, runs } of engines) {
            const left = budget.leftMs();
            if (left <= 0) break;
            wait(left * takes);
            passed += left * takes;
            if (runs) budget.found(left * takes);
          }
          expect(passed).toBeLessThanOrEqual(loadMs / 2 + 1e-6);
        },
      ),
    ));
});
