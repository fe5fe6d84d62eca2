import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IPod } from 'kubernetes-models/v1';
import type { Analysis, Trial } from '../api/modeldeployment.gen.ts';
import { LABEL } from '../core/names.ts';
import type { World } from '../core/world.ts';
import { eventually } from '../runtime/testing/eventually.ts';
import { FakeClock } from '../runtime/testing/fake-clock.ts';
import { TrialReports } from './trial-reports.ts';

const KEY = 'default/digits';

/** Pods as servers on addresses of their own, 127.0.0.2 and so on, all on one port. */
class Pods {
  port = 0;
  readonly live = new Map<string, IPod>();
  readonly answers = new Map<string, http.RequestListener>();
  readonly asked: string[] = [];
  private readonly servers: http.Server[] = [];

  async add(uid: string, revision: number, report: object, status: IPod['status'] = {}): Promise<IPod> {
    const podIP = `127.0.0.${this.servers.length + 2}`;
    const server = http.createServer((request, response) => {
      this.asked.push(`${uid} ${request.url}`);
      const answer = this.answers.get(uid);
      if (answer === undefined) response.end(JSON.stringify({ revision, started: 't', ...report }));
      else answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(this.port, podIP, resolve));
    this.port = (server.address() as { port: number }).port;
    this.servers.push(server);
    const labels = { [LABEL.revision]: `${revision}` };
    const metadata = { uid, name: `digits-${uid}`, labels };
    const pod: IPod = { apiVersion: 'v1', kind: 'Pod', metadata, status: { podIP, ...status } };
    this.live.set(uid, pod);
    return pod;
  }

  /** From now on the pod reports this. */
  reports(uid: string, revision: number, report: object): void {
    const body = JSON.stringify({ revision, started: 't', ...report });
    this.answers.set(uid, (_, response) => void response.end(body));
  }

  close(): void {
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

const own = (requests: number) => ({ own: { requests, errors: 0, nonFinite: 0, latency: [requests] } });

describe('the reports of a trial', () => {
  const TRIAL: Trial = {
    id: 'x',
    revision: 2,
    from: 1,
    strategy: 'Canary',
    phase: 'Running',
    step: 1,
    steps: 1,
    weight: 10,
    since: '2026-01-01T00:00:00Z',
  };
  let pods: Pods;
  let clock: FakeClock;
  let woken: number;
  let trials: TrialReports;
  let end: AbortController;
  let running: Promise<void>;
  let prometheus: http.Server | undefined;

  const start = (prometheusUrl?: string): void => {
    trials = new TrialReports({
      podOf: (uid) => pods.live.get(uid),
      wake: (key) => (key === KEY ? woken++ : 0),
      prometheusUrl,
      port: pods.port,
      clock,
      random: () => 0.5,
    });
    running = trials.run(end.signal);
  };
  beforeEach(() => {
    pods = new Pods();
    clock = new FakeClock();
    woken = 0;
    end = new AbortController();
  });
  afterEach(async () => {
    end.abort();
    await running;
    pods.close();
    prometheus?.close();
  });

  const follow = (trial: Trial | undefined, analysis: Partial<Analysis> = {}): void => {
    const model = {
      namespace: 'default',
      name: 'digits',
      status: trial === undefined ? {} : { trial },
      spec: { rollout: { analysis } },
    } as unknown as World['model'];
    trials.follow({ model, pods: [...pods.live.values()] });
  };
  const counted = () => trials.of(KEY).reports.map(({ pod, weight, counts }) => [pod, weight, counts.own.requests]);
  /** The next round has been read completely. */
  const round = async (): Promise<void> => {
    const before = pods.asked.length;
    await clock.advance(3_000);
    await eventually(() => pods.asked.length >= before + pods.live.size);
    await eventually(() => clock.pending.includes(3_000));
  };

  it('are read from both revisions at once and every few seconds, and wake the ModelDeployment', async () => {
    await pods.add('s', 1, { trial: 'x', ...own(90) });
    await pods.add('t', 2, own(10));
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    expect(counted()).toEqual([
      ['digits-s', 10, 90],
      ['digits-t', 10, 10],
    ]);
    expect(pods.asked.sort()).toEqual(['s /trial', 't /trial']);
    pods.reports('t', 2, own(30));
    await round();
    expect(counted()).toEqual([
      ['digits-s', 10, 90],
      ['digits-t', 10, 30],
    ]);
    expect(woken).toBe(2);
  });

  it('wake nobody while the revision on trial gets no requests', async () => {
    await pods.add('s', 1, { trial: 'x', ...own(1000) });
    await pods.add('t', 2, own(10));
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    await round();
    pods.reports('s', 1, { trial: 'x', ...own(1200) });
    await round();
    expect(woken).toBe(1);
    // Much more to compare with may change the verdict.
    pods.reports('s', 1, { trial: 'x', ...own(2000) });
    await round();
    expect(woken).toBe(2);
  });

  it('of pods that know another trial or are of another revision do not count', async () => {
    await pods.add('s', 1, { trial: 'earlier', ...own(90) });
    await pods.add('o', 7, own(5));
    await pods.add('t', 2, own(10));
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    expect(counted()).toEqual([['digits-t', 10, 10]]);
  });

  it('are of one weight each', async () => {
    await pods.add('t', 2, own(10));
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    follow({ ...TRIAL, weight: 50 });
    pods.reports('t', 2, own(25));
    await round();
    expect(counted()).toEqual([
      ['digits-t', 10, 10],
      ['digits-t', 50, 15],
    ]);
  });

  it('of a pod that is gone or started again stay', async () => {
    await pods.add('t', 2, own(10));
    await pods.add('u', 2, own(20));
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    pods.live.delete('u');
    follow(TRIAL);
    pods.answers.set('t', (_, response) => void response.end(JSON.stringify({ started: 'later', ...own(3) })));
    await round();
    expect(counted().reduce((sum, [, , requests]) => sum + Number(requests), 0)).toBe(33);
  });

  it.each<[string, http.RequestListener, string]>([
    ['that breaks the connection', (request) => request.socket.destroy(), 'ECONNRESET'],
    ['that is too old', (_, r) => void r.writeHead(404).end(), 'its server is too old to report on trials'],
    ['that says something else', (_, r) => void r.end('<html>'), 'its answer is no report of a trial'],
    ['that talks without end', (_, r) => void r.end(' '.repeat(1e5)), 'an answer of more than 65536 bytes'],
  ])('of a server %s are missed, with the cause, and wake once', async (_, answer, trouble) => {
    await pods.add('t', 2, {});
    pods.answers.set('t', answer);
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    expect(trials.of(KEY).reports).toMatchObject([{ pod: 'digits-t', trouble }]);
    await round();
    expect(woken).toBe(1);
  });

  it('are asked of no address but a pod of ours that is still there', async () => {
    const gone = await pods.add('gone', 2, own(1));
    await pods.add('node', 2, own(1), { hostIP: '127.0.0.3' });
    await pods.add('nowhere', 2, own(1), { podIP: '' });
    await pods.add('name', 2, own(1), { podIP: 'localhost' });
    await pods.add('t', 2, own(10));
    start();
    pods.live.delete('gone');
    const model = {
      namespace: 'default',
      name: 'digits',
      status: { trial: TRIAL },
      spec: { rollout: { analysis: {} } },
    };
    trials.follow({ model: model as unknown as World['model'], pods: [gone, ...pods.live.values()] });
    await eventually(() => woken === 1);
    expect(pods.asked).toEqual(['t /trial']);
  });

  it('are not asked for before the trial runs nor when it is over', async () => {
    await pods.add('t', 2, own(10));
    start();
    for (const phase of ['Starting', 'Promoting', 'HandingOver', 'Ending'] as const) {
      follow({ ...TRIAL, phase });
      await clock.advance(10_000);
    }
    expect(pods.asked).toEqual([]);
    follow(TRIAL);
    await clock.advance(3_000);
    await eventually(() => woken === 1);
    follow(undefined);
    await clock.advance(60_000);
    expect(pods.asked).toEqual(['t /trial']);
    expect(trials.of(KEY)).toEqual({ reports: [], measurements: [] });
  });

  it('begin anew with another trial', async () => {
    await pods.add('s', 1, { trial: 'x', ...own(90) });
    start();
    follow(TRIAL);
    await eventually(() => woken === 1);
    follow({ ...TRIAL, id: 'y' });
    expect(counted()).toEqual([]);
  });

  it('come from five hundred trials at a bounded rate', async () => {
    await pods.add('t', 2, own(10));
    start();
    for (let i = 0; i < 500; i++) {
      const model = {
        namespace: 'default',
        name: `m${i}`,
        status: { trial: TRIAL },
        spec: { rollout: { analysis: {} } },
      };
      trials.follow({ model: model as unknown as World['model'], pods: [...pods.live.values()] });
    }
    await eventually(() => pods.asked.length === 20);
    await clock.advance(1_000);
    await eventually(() => pods.asked.length === 120);
    await clock.advance(3_800);
    await eventually(() => pods.asked.length === 500);
    await eventually(() => trials.of('default/m499').reports.length === 1);
  });

  it('are joined by what Prometheus says, asked less often', async () => {
    let value = '3';
    const asked: string[] = [];
    prometheus = http.createServer(({ url = '' }, response) => {
      asked.push(url);
      const result = [{ metric: {}, value: [1, value] }];
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
    const server = prometheus;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    start(`http://127.0.0.1:${port}`);
    follow(TRIAL, { prometheus: [{ name: 'queue', query: 'q{r="{{target}}"}', max: 5 }] });
    await eventually(() => woken === 1);
    expect(trials.of(KEY).measurements).toMatchObject([{ name: 'queue', value: 3 }]);
    for (const next of ['4', '6']) {
      value = next;
      const before = asked.length;
      await clock.advance(15_000);
      await eventually(() => asked.length > before && trials.of(KEY).measurements[0]?.value === Number(next));
    }
    // 3 and 4 are within the bound: only the third answer is news.
    expect(woken).toBe(2);
    expect(asked).toEqual(Array.from({ length: 3 }, () => '/api/v1/query?query=q%7Br%3D%222%22%7D&namespace=default'));
  });
});
