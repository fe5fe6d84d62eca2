import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IPod } from 'kubernetes-models/v1';
import { LABEL } from '../core/names.ts';
import type { World } from '../core/world.ts';
import { eventually } from '../runtime/testing/eventually.ts';
import { FakeClock } from '../runtime/testing/fake-clock.ts';
import { WarmupReports } from './warmup-reports.ts';

const KEY = 'default/digits';
const FOUND = { nonFinite: [{ signature: 's', output: 'y', values: 2 }] };

describe('what pods found when they warmed up', () => {
  let server: http.Server;
  let asked: number;
  let answer: http.RequestListener;
  let clock: FakeClock;
  let woken: string[];
  let reports: WarmupReports;
  let end: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    asked = 0;
    answer = (_, response) => void response.end(JSON.stringify(FOUND));
    server = http.createServer((request, response) => {
      asked++;
      expect(request.url).toBe('/warmup');
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    clock = new FakeClock();
    woken = [];
    const { port } = server.address() as { port: number };
    const podOf = () => ({ status: { podIP: '127.0.0.1' } });
    reports = new WarmupReports({ podOf, wake: (key) => woken.push(key), port, clock });
    end = new AbortController();
    running = reports.run(end.signal);
  });
  afterEach(async () => {
    end.abort();
    await running;
    server.close();
    server.closeAllConnections();
  });

  const pod = (uid: string, ready = true): IPod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { uid, labels: { [LABEL.revision]: '7' } },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  const follow = (...pods: IPod[]): void =>
    reports.follow({ model: { namespace: 'default', name: 'digits' }, pods } as unknown as Pick<
      World,
      'model' | 'pods'
    >);

  it('is asked of each pod once, when it is ready, and wakes its ModelDeployment', async () => {
    follow(pod('a', false));
    expect(asked).toBe(0);
    follow(pod('a'));
    await eventually(() => woken.length === 1);
    expect(woken).toEqual([KEY]);
    expect(reports.of(KEY)).toMatchObject({ warmups: [{ revision: 7, nonFinite: FOUND.nonFinite }] });
    for (let pass = 0; pass < 10; pass++) follow(pod('a'));
    await clock.advance(3_600_000);
    expect(asked).toBe(1);
    follow(pod('a'), pod('b'));
    await eventually(() => woken.length === 2);
    expect(asked).toBe(2);
    follow(pod('b'));
    expect(reports.of(KEY).warmups).toHaveLength(1);
    reports.forget(KEY);
    expect(reports.of(KEY).warmups).toEqual([]);
  });

  it.each([
    ['nothing was found', '{"nonFinite":[]}', 200],
    ['the server is older', 'not found', 404],
    ['a program of somebody else answers', '<html>', 200],
  ])('wakes nobody and is not asked again when %s', async (_name, text, status) => {
    const done = new Promise<void>((resolve) => {
      answer = (_, response) => {
        response.statusCode = status;
        response.end(text, resolve);
      };
    });
    follow(pod('a'));
    await done;
    // Whoever is asked later is heard later.
    answer = (_, response) => void response.end(JSON.stringify(FOUND));
    follow(pod('a'), pod('b'));
    await eventually(() => woken.length === 1);
    await clock.advance(3_600_000);
    follow(pod('a'));
    expect([asked, woken, reports.of(KEY).warmups]).toEqual([2, [KEY], []]);
  });

  it('is asked for again with growing pauses where no answer comes, and five times at most', async () => {
    answer = (request) => request.socket.destroy();
    follow(pod('a'));
    for (let attempt = 1; attempt <= 5; attempt++) {
      await eventually(() => asked === attempt);
      await eventually(() => attempt === 5 || clock.pending.length > 0);
      await clock.advance(5_000 * 3 ** (attempt - 1));
    }
    await clock.advance(3_600_000);
    expect([asked, woken]).toEqual([5, []]);
  });
});
