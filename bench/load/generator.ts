/**
 * A process that sends one request over and over and times the answers, so that it can be pinned to a core of its own. Told
 * by its arguments, as JSON (Load), it answers a Result on stdout.
 *
 * A closed loop sends the next request of a connection when the last one is answered. An open loop sends at random times of a
 * fixed rate (Poisson), whatever the answers do: a request's time counts from when it was due, also while it waits here for
 * one of the connections to be free.
 */
import { readFileSync } from 'node:fs';
import { seeded } from '../../serving-image/testing/numbers.ts';
import { Connection } from './connection.ts';
import { quantiles, type Load, type Result } from './result.ts';

const load = JSON.parse(process.argv[2] ?? '') as Load;
const { port, requestFile, connections, seconds, warmupSeconds = 0 } = load;
const request = readFileSync(requestFile);
const pool = Array.from({ length: connections }, () => new Connection('127.0.0.1', port));
const random = seeded(1);

/** No more at a time than a server's backlog takes: the kernel tries again after a second. */
const AT_ONCE = 64;
// Connecting costs a server more than answering: no request is to wait for that.
for (let i = 0; i < pool.length; i += AT_ONCE)
  await Promise.all(pool.slice(i, i + AT_ONCE).map((connection) => connection.open()));

const start = performance.now();
const from = start + warmupSeconds * 1000;
const until = from + seconds * 1000;
const times: Record<'ok' | 'shed', number[]> = { ok: [], shed: [] };
const statuses: Record<string, number> = {};
const timeline: Result['timeline'] = [];

/** Counts an answer to a request that was due at `due`. */
function record(status: number, due: number): void {
  const now = performance.now();
  const slot = Math.floor((now - start) / 100);
  const moment = (timeline[slot] ??= { ok: 0, shed: 0, other: 0, worstMs: 0 });
  const kind = status === 200 ? 'ok' : status === 429 || status === 503 ? 'shed' : 'other';
  moment[kind]++;
  if (kind === 'ok') moment.worstMs = Math.max(moment.worstMs, now - due);
  if (due < from || due >= until) return;
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (kind !== 'other') times[kind].push(now - due);
}

async function closed(): Promise<void> {
  await Promise.all(
    pool.map(
      (connection) =>
        new Promise<void>((resolve) => {
          const next = (): void => {
            const due = performance.now();
            if (due >= until) return resolve();
            connection.send(request, (status) => {
              record(status, due);
              // A refused connection must not become a busy loop.
              if (status === 0) setTimeout(next, 10);
              else next();
            });
          };
          next();
        }),
    ),
  );
}

/** `rate` in a second, at first; `phases` change it at times counted from the begin. */
async function open(rate: number): Promise<void> {
  const idle = [...pool];
  const waiting: number[] = [];
  let under = 0;
  let finished: (() => void) | undefined;
  const send = (due: number): void => {
    const connection = idle.pop();
    if (!connection) {
      waiting.push(due);
      return;
    }
    under++;
    connection.send(request, (status) => {
      record(status, due);
      under--;
      idle.push(connection);
      const next = waiting.shift();
      if (next !== undefined) send(next);
      else if (under === 0) finished?.();
    });
  };
  const rateAt = (time: number): number =>
    (load.phases ?? []).findLast(({ afterSeconds }) => time >= start + afterSeconds * 1000)?.rate ?? rate;
  const gap = (time: number) => (-Math.log(1 - random()) * 1000) / rateAt(time);
  let due = start + gap(start);
  while (due < until) {
    const now = performance.now();
    if (due <= now) {
      send(due);
      due += gap(due);
    } else if (due - now > 2) await new Promise((resolve) => setTimeout(resolve, 1));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  if (under === 0) return;
  // What is still out has so long to come; the rest counts as never answered.
  const late = setTimeout(() => finished?.(), 10_000);
  await new Promise<void>((resolve) => (finished = resolve));
  clearTimeout(late);
}

if (load.rate === undefined) await closed();
else await open(load.rate);
for (const connection of pool) connection.close();
const result: Result = {
  seconds,
  answered: times.ok.length,
  statuses,
  rate: times.ok.length / seconds,
  ok: quantiles(times.ok),
  shed: quantiles(times.shed),
  timeline: Array.from(
    timeline,
    (moment) => (moment as (typeof timeline)[0] | undefined) ?? { ok: 0, shed: 0, other: 0, worstMs: 0 },
  ),
};
process.stdout.write(JSON.stringify(result), () => process.exit());
