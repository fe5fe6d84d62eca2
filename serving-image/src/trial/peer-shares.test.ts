import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PeerShares } from './peer-shares.ts';
import { Sizes } from './sizes.ts';

/** How many requests of each peer count. */
function counted(requests: readonly string[]): Record<string, number> {
  const shares = new PeerShares();
  const counts: Record<string, number> = {};
  for (const peer of requests) if (shares.admits(peer)) counts[peer] = (counts[peer] ?? 0) + 1;
  return counts;
}

describe('the part of a verdict that one peer has', () => {
  it('is all of it where there is nobody else', () => {
    expect(counted(Array<string>(5000).fill('10.0.0.1'))).toEqual({ '10.0.0.1': 5000 });
  });

  it('is at most a fifth of the requests where there are others, however many it sends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 80 }), fc.integer({ min: 10, max: 100 }), (percent, others) => {
        const requests = Array.from({ length: 2560 }, (_, i) =>
          (i * 37) % 100 < percent ? 'loud' : `10.0.${Math.floor(i / 7) % others}.1`,
        );
        // What comes first in a window is compared with few.
        expect(counted(requests).loud ?? 0).toBeLessThanOrEqual(2560 * 0.25);
      }),
    );
  });

  it('is never so small that one peer alone cannot be judged: others that hardly ask cost it four fifths at most', () => {
    const requests = Array.from({ length: 2560 }, (_, i) => (i % 50 === 0 ? `10.0.0.${i % 256}` : 'gateway'));
    expect(counted(requests).gateway).toBeGreaterThan(2560 / 5);
  });

  it('takes nothing from those that send less', () => {
    const requests = Array.from({ length: 2560 }, (_, i) => (i % 10 < 3 ? 'loud' : `10.0.0.${i % 10}`));
    const { loud = 0, ...others } = counted(requests);
    expect(Object.values(others).reduce((sum, one) => sum + one)).toBe(1792);
    expect(loud / 2560).toBeLessThan(0.25);
  });
});

describe('a body', () => {
  it('is unusual when it is much larger than most, whoever sends which first', () => {
    const sizes = new Sizes();
    for (let i = 0; i < 100; i++) sizes.isUsual(i % 3 === 0 ? 5_000_000 : 500);
    expect([500, 20_000, 5_000_000].map((bytes) => sizes.isUsual(bytes))).toEqual([true, true, false]);
  });

  it('that is empty is usual', () => {
    expect(new Sizes().isUsual(0)).toBe(true);
  });
});
