import { describe, expect, it } from '@jest/globals';
import { pick } from './dispatch.ts';

describe('a new connection', () => {
  it('goes to nobody when there is nobody', () => {
    expect(pick([], 0)).toBeUndefined();
  });

  it('avoids a worker that has not taken its last one', () => {
    expect(
      pick(
        [
          { id: 1, waiting: 1, open: 0 },
          { id: 2, waiting: 0, open: 9 },
        ],
        0,
      ),
    ).toBe(2);
  });

  it('goes to the worker with the fewest connections', () => {
    expect(
      pick(
        [
          { id: 1, waiting: 0, open: 2 },
          { id: 2, waiting: 0, open: 1 },
        ],
        0,
      ),
    ).toBe(2);
  });

  it('goes to equals in turn', () => {
    const equal = [1, 2, 3].map((id) => ({ id, waiting: 0, open: 0 }));
    expect([0, 1, 2, 3].map((turn) => pick(equal, turn))).toEqual([1, 2, 3, 1]);
  });
});
