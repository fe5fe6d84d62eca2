import { describe, expect, it } from '@jest/globals';
import { WorkerPool, type PoolAction } from './worker-pool.ts';

const SETTINGS = { workers: 2, spares: 0, loadMs: 10_000, hangMs: 5_000 };
const report = { reason: 'ModelLoadFailed', message: 'no' } as const;

/** A pool whose spawns are carried out at once; ids count from 1. */
function started(workers = 2, spares = 0) {
  const pool = new WorkerPool({ ...SETTINGS, workers, spares });
  let next = 1;
  let now = 0;
  const tell = (event: Parameters<WorkerPool['on']>[0], at = now): PoolAction[] => {
    now = at;
    const actions = pool.on(event, now);
    for (const action of actions)
      if (action.do === 'spawn') pool.on({ type: 'spawned', id: next++ }, now + action.afterMs);
    return actions;
  };
  tell({ type: 'start' });
  return { pool, tell };
}

/** All workers of the pool are ready. */
function serving(workers = 2, spares = 0) {
  const both = started(workers, spares);
  for (let id = 1; id <= workers + spares; id++) both.tell({ type: 'ready', id });
  return both;
}

describe('a pool that starts', () => {
  it('loads the model once before the other workers load it', () => {
    const { pool, tell } = started(3);
    expect(pool.serving()).toEqual([]);
    expect(tell({ type: 'ready', id: 1 })).toEqual([
      { do: 'spawn', afterMs: 0 },
      { do: 'spawn', afterMs: 0 },
    ]);
    expect(pool.serving()).toEqual([1]);
    expect(tell({ type: 'ready', id: 2 })).toEqual([]);
  });

  it('gives up with the words of the worker that failed', () => {
    const { tell } = started();
    tell({ type: 'failed', id: 1, report });
    expect(tell({ type: 'exited', id: 1, cause: 'ended with exit code 1' })).toEqual([{ do: 'giveUp', report }]);
  });

  it('gives up as crashed when the worker died without a word', () => {
    const { tell } = started();
    const [action] = tell({ type: 'exited', id: 1, cause: 'aborted (SIGABRT)' });
    expect(action).toMatchObject({
      do: 'giveUp',
      report: { reason: 'ServerCrashed', message: expect.stringContaining('SIGABRT') },
    });
  });

  it('kills a worker that loads too long, and gives up for that reason', () => {
    const { tell } = started();
    expect(tell({ type: 'tick' }, 10_000)).toEqual([]);
    expect(tell({ type: 'tick' }, 10_001)).toMatchObject([{ do: 'kill', id: 1 }]);
    expect(tell({ type: 'exited', id: 1, cause: 'killed' })).toMatchObject([
      { do: 'giveUp', report: { reason: 'LoadTimeout' } },
    ]);
  });
});

describe('a worker that tries requests made up for its model', () => {
  it.each([[0], [3]])('is replaced at once when it ends, by whatever cause, after %s others were ready', (ready) => {
    const { tell } = ready === 0 ? started() : serving(ready);
    if (ready > 0) tell({ type: 'exited', id: 1, cause: 'ended' });
    const id = ready + 1;
    tell({ type: 'trying', id });
    tell({ type: 'failed', id, report });
    expect(tell({ type: 'exited', id, cause: 'aborted (SIGABRT)' })).toEqual([{ do: 'spawn', afterMs: 0 }]);
    // The next one tries nothing: what it fails by is the model's.
    tell({ type: 'failed', id: id + 1, report });
    const [last] = tell({ type: 'exited', id: id + 1, cause: 'ended with exit code 1' });
    expect(last?.do).toBe(ready === 0 ? 'giveUp' : 'spawn');
  });

  it('is ended when they take more than their part of the time to load, and has not failed by that', () => {
    const { tell } = started();
    tell({ type: 'trying', id: 1 }, 4_000);
    expect(tell({ type: 'tick' }, 6_500)).toEqual([]);
    expect(tell({ type: 'tick' }, 6_501)).toMatchObject([{ do: 'kill', id: 1 }]);
    expect(tell({ type: 'exited', id: 1, cause: 'killed' })).toEqual([{ do: 'spawn', afterMs: 0 }]);
  });
});

describe('a pool that serves', () => {
  it('replaces a worker at once, then with growing pauses', () => {
    const { tell } = serving();
    const pauses = [1, 3, 4, 5].map((id) => {
      const [action] = tell({ type: 'exited', id, cause: 'ended' });
      tell({ type: 'ready', id: id === 1 ? 3 : id + 1 });
      return action?.do === 'spawn' ? action.afterMs : undefined;
    });
    expect(pauses).toEqual([0, 500, 1000, 2000]);
  });

  it('forgets old failures once a worker has proven itself', () => {
    const { tell } = serving();
    tell({ type: 'exited', id: 1, cause: 'ended' });
    tell({ type: 'ready', id: 3 });
    expect(tell({ type: 'exited', id: 3, cause: 'ended' }, 10_000)).toEqual([{ do: 'spawn', afterMs: 0 }]);
  });

  it('lives on when a replacement cannot load, as long as another worker serves', () => {
    const { pool, tell } = serving();
    tell({ type: 'exited', id: 1, cause: 'ended' });
    for (const id of [3, 4, 5, 6]) {
      tell({ type: 'failed', id, report });
      expect(tell({ type: 'exited', id, cause: 'ended' })).toMatchObject([{ do: 'spawn' }]);
    }
    expect(pool.serving()).toEqual([2]);
  });

  it('gives up when nothing serves and replacements keep dying', () => {
    const { tell } = serving(1);
    expect(tell({ type: 'exited', id: 1, cause: 'ended' })).toMatchObject([{ do: 'spawn' }]);
    expect(tell({ type: 'exited', id: 2, cause: 'ended' })).toMatchObject([{ do: 'spawn' }]);
    expect(tell({ type: 'exited', id: 3, cause: 'ended' })).toMatchObject([{ do: 'giveUp' }]);
  });

  it('kills a worker that gives no sign of life', () => {
    const { tell } = serving();
    tell({ type: 'alive', id: 2 }, 4_000);
    expect(tell({ type: 'tick' }, 5_001)).toMatchObject([{ do: 'kill', id: 1 }]);
  });
});

describe('a spare worker', () => {
  it('is loaded, and gets connections only once another one has gone', () => {
    const { pool, tell } = serving(2, 1);
    expect(pool.serving()).toEqual([1, 2]);
    expect(tell({ type: 'exited', id: 1, cause: 'ended' })).toEqual([{ do: 'spawn', afterMs: 0 }]);
    expect(pool.serving()).toEqual([2, 3]);
    tell({ type: 'ready', id: 4 });
    expect(pool.serving()).toEqual([2, 3]);
  });

  it('is whoever was ready last', () => {
    const { pool, tell } = started(1, 1);
    tell({ type: 'ready', id: 1 });
    tell({ type: 'exited', id: 1, cause: 'ended' });
    tell({ type: 'ready', id: 3 });
    tell({ type: 'ready', id: 2 });
    expect(pool.serving()).toEqual([3]);
  });
});
