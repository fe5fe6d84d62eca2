import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FailureReport } from '@modeldeployment/modelpack/contract';
import type { WantedModel } from '../model/selection.ts';
import { ExplicitControl, type Loader } from './explicit-control.ts';

let repository: string;
beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), 'control-'));
});
afterEach(() => rm(repository, { recursive: true }));

const arrive = (...versions: string[]) =>
  Promise.all(versions.map((version) => mkdir(join(repository, version), { recursive: true })));

const FAILURE: FailureReport = { reason: 'WarmupFailed', message: 'it answers wrong' };

/** A loader that keeps its outcomes open until they are told; `wanted` are names and versions. */
function control(load: readonly string[] | 'all' = []) {
  let now: WantedModel[] = [];
  const outcomes = new Map<string, ReturnType<Loader['outcome']>>();
  const again: (string | undefined)[] = [];
  let known = 0;
  const waiting = new Map<string, () => void>();
  const subject = new ExplicitControl(
    { repository, only: undefined, policy: { kind: 'latest', count: 1 }, load },
    {
      want: (models, name) => {
        now = models;
        again.push(name);
        for (const key of models.map(keyOf)) waiting.get(key)?.();
      },
      outcome: (model) => outcomes.get(keyOf(model)),
      known: () => Promise.resolve(known++),
    },
  );
  return {
    subject,
    again,
    known: () => known,
    /** Resolves when the loader is next told of it. */
    wants: (key: string) => new Promise<void>((resolve) => waiting.set(key, resolve)),
    wanted: () => now.map(keyOf),
    models: () => now,
    comes: (key: string, outcome: ReturnType<Loader['outcome']>) => {
      outcomes.set(key, outcome);
      subject.settle();
    },
  };
}

const keyOf = ({ name, versions }: WantedModel) => `${name}/${versions.map(({ version }) => version).join(',')}`;

/** What came of an order: `done`, or why it was refused. */
const outcomeOf = (order: Promise<void>): Promise<string> =>
  order.then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );

/** The same now: `open` when nothing has come of it yet. */
const stateOf = (order: Promise<void>): Promise<string> =>
  Promise.race([outcomeOf(order), new Promise<string>((resolve) => setImmediate(resolve, 'open'))]);

describe('an order to load a model', () => {
  it('is done when its version serves and all workers know', async () => {
    await arrive('a/1', 'a/2', 'b/1');
    const { subject, wanted, wants, comes, known } = control();
    const order = subject.load('a');
    await wants('a/2');
    expect(wanted()).toEqual(['a/2']);
    expect(await stateOf(order)).toBe('open');
    expect(known()).toBe(0);
    comes('a/2', 'served');
    await order;
    expect(known()).toBe(1);
  });

  it('that fails changes nothing', async () => {
    await arrive('a/1');
    const { subject, wanted, wants, comes } = control();
    comes('a/1', 'served');
    await subject.load('a');
    await arrive('a/2');
    const order = subject.load('a');
    await wants('a/2');
    expect(wanted()).toEqual(['a/2']);
    comes('a/2', FAILURE);
    expect(await outcomeOf(order)).toBe('failed to load "a": it answers wrong');
    expect(wanted()).toEqual(['a/1']);
  });

  it('for the first time that fails leaves no model', async () => {
    await arrive('a/1');
    const { subject, wanted, comes } = control();
    comes('a/1', FAILURE);
    await expect(subject.load('a')).rejects.toMatchObject({ status: 400 });
    expect(wanted()).toEqual([]);
  });

  it('given twice is one wish, and is fulfilled for both', async () => {
    await arrive('a/1');
    const { subject, models, wants, comes } = control();
    const modelControl = [subject.load('a'), subject.load('a')];
    await wants('a/1');
    const [first] = models();
    comes('a/1', 'served');
    await Promise.all(modelControl);
    await subject.load('a');
    expect(models()[0]).toBe(first);
  });

  it('tries again what has failed', async () => {
    await arrive('a/1');
    const { subject, again, comes } = control();
    comes('a/1', 'served');
    await subject.load('a');
    expect(again).toEqual(['a']);
  });

  it('that an order to unload overtakes says so', async () => {
    await arrive('a/1');
    const { subject, wanted, wants } = control();
    const order = outcomeOf(subject.load('a'));
    await wants('a/1');
    await subject.unload('a');
    expect(await order).toContain('another order');
    expect(wanted()).toEqual([]);
  });

  it('takes a version whose files were written anew for another one', async () => {
    await arrive('a/1');
    const file = join(repository, 'a/1/model.json');
    await writeFile(file, '{}');
    const { subject, models, comes } = control();
    comes('a/1', 'served');
    await subject.load('a');
    const before = models()[0]?.versions[0]?.identity;
    await subject.load('a');
    expect(models()[0]?.versions[0]?.identity).toBe(before);
    await utimes(file, new Date(), new Date(Date.now() + 5000));
    await subject.load('a');
    expect(models()[0]?.versions[0]?.identity).not.toBe(before);
  });

  it.each(['nobody', '../a', '.hidden', 'a/1'])('for %s is refused', async (name) => {
    await arrive('a/1');
    const { subject } = control();
    await expect(subject.load(name)).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('no such'),
    });
    await expect(subject.unload(name)).rejects.toMatchObject({ status: 400 });
  });
});

describe('models that are to be there from the start', () => {
  it('are all of the repository, or those that are named', async () => {
    await arrive('a/1', 'b/1', 'c/1');
    for (const load of ['all', ['b', 'c']] as const) {
      const { subject, wanted, comes } = control(load);
      for (const key of ['a/1', 'b/1', 'c/1']) comes(key, 'served');
      await subject.start();
      expect(wanted()).toEqual(load === 'all' ? ['a/1', 'b/1', 'c/1'] : ['b/1', 'c/1']);
    }
  });

  it('end the server when one of them cannot be loaded or is not there', async () => {
    await arrive('a/1');
    const { subject, comes } = control('all');
    comes('a/1', FAILURE);
    await expect(subject.start()).rejects.toMatchObject({ reason: 'WarmupFailed', message: 'a: it answers wrong' });
    await expect(control(['b']).subject.start()).rejects.toMatchObject({ reason: 'ModelNotFound' });
  });

  it('count for the readiness of the server, also after an order; those that came by an order do not', async () => {
    await arrive('a/1', 'b/1');
    const { subject, models, comes } = control(['a']);
    for (const key of ['a/1', 'b/1', 'a/2']) comes(key, 'served');
    await subject.start();
    await arrive('a/2');
    await subject.load('a');
    await subject.load('b');
    expect(models().map(({ ordered }) => ordered)).toEqual([undefined, true]);
  });
});
