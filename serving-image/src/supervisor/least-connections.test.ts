import { describe, expect, it } from '@jest/globals';
import { pick, surplus } from './least-connections.ts';

describe('a new connection', () => {
  it('goes to nobody when there is nobody', () => {
    expect(pick([], 0)).toBeUndefined();
  });

  it('avoids a worker that has not taken its last one, of two with equally many', () => {
    expect(
      pick(
        [
          { id: 1, waiting: 1, open: 1 },
          { id: 2, waiting: 0, open: 2 },
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

describe('connections that were spread', () => {
  const open = (...counts: number[]) => surplus(counts.map((count, i) => ({ id: i + 1, waiting: 0, open: count })));

  it('stay when nobody holds more than a tenth above the share', () => {
    expect(open()).toEqual([]);
    expect(open(5)).toEqual([]);
    expect(open(2, 1)).toEqual([]);
    expect(open(109, 91)).toEqual([]);
  });

  it('are evened out otherwise', () => {
    expect(open(16, 0)).toEqual([{ id: 1, count: 8 }]);
    expect(open(3, 1)).toEqual([{ id: 1, count: 1 }]);
    expect(open(0, 7, 8)).toEqual([
      { id: 2, count: 2 },
      { id: 3, count: 3 },
    ]);
  });
});
