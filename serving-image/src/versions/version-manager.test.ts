import { describe, expect, it } from '@jest/globals';
import type { FailureReason } from '@modeldeployment/modelpack';
import type { WantedModel } from '../model/selection.ts';
import {
  VersionManager,
  type VersionAction,
  type VersionEvent,
  type VersionManagerSettings,
} from './version-manager.ts';

const SETTINGS: VersionManagerSettings = {
  workers: 1,
  cores: 2,
  spares: 0,
  loadMs: 10_000,
  hangMs: 1e9,
  repository: '/models',
  fixed: false,
  explicit: false,
};

/** Versions as `3`, or `3@other` for another folder of the same number. */
const model = (name: string, versions: (string | number)[], more: Partial<WantedModel> = {}): WantedModel => ({
  name,
  versions: versions.map((text) => {
    const [version = '', identity = 'folder'] = String(text).split('@');
    return { version, identity };
  }),
  labels: {},
  pinned: false,
  ...more,
});

/** A version manager whose workers start at once; their ids count from 1. */
function manager(settings: Partial<VersionManagerSettings> = {}) {
  const subject = new VersionManager({ ...SETTINGS, ...settings });
  let next = 1;
  let now = 0;
  const running = new Map<number, string>();
  const perform = (actions: VersionAction[]): VersionAction[] =>
    actions.flatMap((action) => {
      if (action.do !== 'spawn') return [action];
      if (!subject.accepts(action.unit)) return [];
      const id = next++;
      running.set(id, `${action.unit.name}/${action.unit.version}`);
      return [action, ...perform(subject.spawned(action.unit, id, now))];
    });
  const tell = (event: VersionEvent) => {
    if (event.type === 'exited') running.delete(event.id);
    return perform(subject.on(event, now));
  };
  return {
    subject,
    running,
    tell,
    want: (...models: WantedModel[]) => perform(subject.want(models, now)),
    ready: (...ids: number[]) => ids.flatMap((id) => tell({ type: 'ready', id })),
    fail: (id: number, reason: FailureReason = 'WarmupFailed') => [
      ...tell({ type: 'failed', id, report: { reason, message: `${id} failed` } }),
      ...tell({ type: 'exited', id, cause: 'ended' }),
    ],
    end: (id: number) => tell({ type: 'exited', id, cause: 'ended' }),
    later: (ms: number) => {
      now += ms;
      return tell({ type: 'tick' });
    },
    serving: () => subject.serving().map(({ unit }) => `${unit.name}/${unit.version}`),
    states: (name: string) =>
      Object.fromEntries(
        subject
          .catalog(String)
          .models.find((candidate) => candidate.name === name)
          ?.versions.map(({ version, state }) => [version, state]) ?? [],
      ),
    catalog: () => subject.catalog(String),
  };
}

describe('the version manager', () => {
  it('gives each version workers of its own, as many loading at a time as there are cores', () => {
    const { want, ready, running, states } = manager();
    want(model('a', [2, 1]), model('b', [1]));
    expect([...running.values()]).toEqual(['a/2', 'a/1']);
    expect(states('b')).toEqual({ 1: 'START' });
    ready(1);
    expect([...running.values()]).toEqual(['a/2', 'a/1', 'b/1']);
    expect(states('a')).toEqual({ 2: 'AVAILABLE', 1: 'LOADING' });
  });

  it('shares the cores among the versions when no number of workers is set', () => {
    const one = manager({ workers: undefined, cores: 4 });
    one.want(model('a', [1]));
    one.ready(1);
    expect(one.running.size).toBe(4);
    const three = manager({ workers: undefined, cores: 4 });
    three.want(model('a', [1, 2]), model('b', [1]));
    three.ready(1, 2, 3);
    expect(three.running.size).toBe(3);
  });

  it('starts nothing anew while nothing changes', () => {
    const { want, ready, later } = manager();
    want(model('a', [1]));
    ready(1);
    expect(want(model('a', [1]))).toEqual([]);
    expect(later(120_000)).toEqual([]);
  });
});

describe('a new version', () => {
  it('takes the place of the old one once it serves, not before', () => {
    const { want, ready, end, serving, states } = manager();
    want(model('a', [1]));
    ready(1);
    want(model('a', [2]));
    expect(serving()).toEqual(['a/1']);
    expect(ready(2)).toContainEqual({ do: 'relieve', id: 1 });
    expect(serving()).toEqual(['a/2']);
    expect(states('a')).toEqual({ 2: 'AVAILABLE', 1: 'UNLOADING' });
    expect(end(1)).toMatchObject([{ do: 'tell', what: 'unloaded' }]);
    expect(states('a')).toEqual({ 2: 'AVAILABLE' });
  });

  it('that fails leaves the old one in its place, until a good one comes', () => {
    const { want, ready, fail, later, serving, states, catalog } = manager();
    want(model('a', [1]));
    ready(1);
    want(model('a', [2]));
    fail(2);
    later(600_000);
    expect(serving()).toEqual(['a/1']);
    expect(states('a')).toEqual({ 2: 'END', 1: 'AVAILABLE' });
    expect(catalog().notReady).toBeUndefined();
    want(model('a', [3]));
    expect(ready(3)).toContainEqual({ do: 'relieve', id: 1 });
    expect(serving()).toEqual(['a/3']);
  });

  it('may be another folder under the same number', () => {
    const { want, ready, serving, states } = manager();
    want(model('a', ['1@first']));
    ready(1);
    want(model('a', ['1@second']));
    expect(states('a')).toEqual({ 1: 'AVAILABLE' });
    expect(ready(2)).toContainEqual({ do: 'relieve', id: 1 });
    expect(serving()).toEqual(['a/1']);
    expect(states('a')).toEqual({ 1: 'AVAILABLE' });
  });

  it('that is no longer wanted before it was loaded is not loaded', () => {
    const { want, ready, end, running } = manager({ cores: 1 });
    want(model('a', [1]), model('b', [1]));
    expect(want(model('a', [2]))).toContainEqual(expect.objectContaining({ do: 'kill', id: 1 }));
    end(1);
    expect([...running.values()]).toEqual(['a/2']);
    ready(2);
    expect(running.size).toBe(1);
  });
});

describe('a version that fails', () => {
  it('is tried again when its cause may have passed, and only then', () => {
    const { want, ready, fail, later, running } = manager();
    want(model('a', [1]), model('b', [1]));
    ready(1);
    fail(2, 'LoadTimeout');
    later(59_000);
    expect([...running.values()]).toEqual(['a/1']);
    later(1_000);
    expect([...running.values()]).toEqual(['a/1', 'b/1']);
    fail(3, 'WarmupFailed');
    later(600_000);
    expect([...running.values()]).toEqual(['a/1']);
  });

  it('is told to clients without the paths of the server', () => {
    const { want, ready, tell, catalog } = manager();
    want(model('a', [1]), model('b', [1]));
    ready(1);
    tell({ type: 'failed', id: 2, report: { reason: 'ModelNotFound', message: 'cannot read /models/b/1 (ENOENT)' } });
    tell({ type: 'exited', id: 2, cause: 'ended' });
    expect(catalog().notReady).toBe('b: cannot read b/1 (ENOENT)');
  });

  it('ends the server only when nothing has ever been served and nothing is left to try', () => {
    const { want, ready, fail } = manager();
    want(model('a', [1]), model('b', [1]));
    expect(fail(1)).not.toContainEqual(expect.objectContaining({ do: 'giveUp' }));
    expect(fail(2)).toContainEqual({ do: 'giveUp', report: { reason: 'WarmupFailed', message: '1 failed' } });
    const lucky = manager();
    lucky.want(model('a', [1]), model('b', [1]));
    lucky.ready(1);
    expect(lucky.fail(2)).not.toContainEqual(expect.objectContaining({ do: 'giveUp' }));
    expect(ready).toBeDefined();
  });

  it('ends the server at once when it is the only one that was asked for', () => {
    const { want, fail } = manager({ fixed: true });
    want(model('a', [1]));
    expect(fail(1)).toMatchObject([{ do: 'giveUp' }]);
  });
});

describe('a model', () => {
  it('is ready once all its first versions were tried and one serves', () => {
    const { want, ready, fail, catalog } = manager();
    want(model('a', [2, 1]));
    ready(2);
    expect(catalog().notReady).toBe('a: the model is still loading');
    fail(1);
    expect(catalog().notReady).toBeUndefined();
    expect(catalog().models[0]).toMatchObject({ latest: '1' });
  });

  it('whose versions are named one by one is ready only with all of them', () => {
    const { want, ready, fail, catalog } = manager();
    want(model('a', [2, 1], { pinned: true }));
    ready(2);
    fail(1);
    expect(catalog().notReady).toBe('a: 1 failed');
  });

  it('stays ready while a new version loads', () => {
    const { want, ready, catalog } = manager();
    want(model('a', [1]));
    ready(1);
    want(model('a', [2, 1]));
    expect(catalog()).toMatchObject({ models: [{ latest: '1' }] });
    expect(catalog().notReady).toBeUndefined();
  });

  it('is not ready, and answers by no older version, while the workers of the latest are replaced', () => {
    const { want, ready, end, catalog } = manager();
    want(model('a', [2, 1]));
    ready(1, 2);
    end(1);
    expect(catalog().models[0]).toMatchObject({
      latest: '2',
      versions: [{ state: 'LOADING' }, { state: 'AVAILABLE' }],
    });
    expect(catalog().notReady).toContain('version 2 are being replaced');
    ready(3);
    expect(catalog().notReady).toBeUndefined();
  });

  it('that cannot be chosen from is not ready for that reason', () => {
    const { want, catalog } = manager();
    want(model('a', [], { failure: { reason: 'BadConfiguration', message: 'bad rules' } }), model('b', []));
    expect(catalog().notReady).toContain('a: bad rules; b: it has no version');
  });

  it('that is taken away leaves with all its versions', () => {
    const { want, ready, end, catalog } = manager();
    want(model('a', [2, 1]), model('b', [1]));
    ready(1, 2, 3);
    const actions = want(model('b', [1]));
    expect(actions).toContainEqual({ do: 'relieve', id: 1 });
    expect(actions).toContainEqual({ do: 'relieve', id: 2 });
    end(1);
    end(2);
    expect(catalog().models.map(({ name }) => name)).toEqual(['b']);
  });
});

describe('a label', () => {
  it('moves when the version it is given to serves', () => {
    const { want, ready, catalog } = manager();
    const labels = () => catalog().models[0]?.labels;
    want(model('a', [1], { labels: { stable: '1' } }));
    expect(labels()).toEqual({});
    ready(1);
    expect(labels()).toEqual({ stable: '1' });
    want(model('a', [2, 1], { labels: { stable: '2' } }));
    expect(labels()).toEqual({ stable: '1' });
    ready(2);
    expect(labels()).toEqual({ stable: '2' });
    want(model('a', [2, 1], { labels: {} }));
    expect(labels()).toEqual({});
  });
});
