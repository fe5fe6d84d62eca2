/** docs/benchmarks/server.md and its plots, of the figures in docs/benchmarks/raw/. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goals, type Goal } from './goals.ts';
import type { Measured, Score } from './measure.ts';
import { bars, short } from './plot.ts';
import type { Machine, Raw } from './raw.ts';
import type { Pair } from './rounds.ts';

const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
const head = (...names: string[]) => [row(...names), row(...names.map((_, i) => (i === 0 ? '---' : '--:')))];
const ms = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
const ratio = (mine: Score, theirs: Score) => {
  const [low, high] = [mine.rates[0] / theirs.rates[1], mine.rates[1] / theirs.rates[0]];
  return `**${short(mine.rate / theirs.rate)} ×** (${short(low)} to ${short(high)})`;
};
/** Ours and the peer's in the same cell. */
const both = (mine: Measured, theirs: Measured, name: string): [Score, Score] | undefined => {
  const [a, b] = [mine.cells[name], theirs.cells[name]];
  return a && b && [a, b];
};
const NOTES = 'server-notes.md';

/** Prints the goals, too. */
export async function writeReport(folder: string, raw: Raw): Promise<void> {
  const notes = await readFile(join(folder, NOTES), 'utf8').catch(() => '');
  const judged = goals(raw);
  await writeFile(join(folder, 'server.md'), page(raw, judged, notes));
  for (const [name, svg] of Object.entries(plots(raw))) await writeFile(join(folder, `${name}.svg`), svg);
  for (const { id, what, found, reached } of judged) console.log(`${mark(reached)} ${id}  ${what}: ${found}`);
}

const mark = (reached: boolean | undefined) =>
  reached === undefined ? 'not measured' : reached ? 'reached' : 'MISSED';

function page(raw: Raw, judged: readonly Goal[], notes: string): string {
  const pairs = Object.values(raw.pairs);
  const { machine } = raw;
  const cells = (c: number) => (pair: Pair) => both(pair.ours, pair.peer, `${pair.peer.form} b=1 c=${c}`);
  const lines = [
    '# The inference server beside others',
    '',
    'Made by `npm run bench -- server`. One model everywhere, 784-128-10 with the same weights; every server first answers 100 rows',
    'within 1e-5 of the formula, or is not timed. The server has one core, the load another. Each peer runs beside ours in rounds that',
    'alternate, so ratios are of the same minutes; they are medians, with the lowest and highest that the rounds allow. Requests and',
    'answers are the same bytes wherever the peer speaks a protocol that ours does.',
    '',
    machine ? about(machine) : '',
    '',
    '![Requests in a second](server-rate.svg)',
    '![Memory](server-memory.svg)',
    '',
    '## Goals',
    '',
    ...head('goal', 'found', 'reached'),
    ...judged.map(({ id, what, found, reached }) => row(`${id}: ${what}`, found, reached ? 'yes' : mark(reached))),
    '',
    'Version switches under load (G11) are measured on a cluster: `npm run bench -- rollout`.',
    '',
    notes.trim(),
    '',
    '## One picture in a request, JSON, one core',
    '',
    'Requests in a second, ours and theirs, both tuned as well as we know how.',
    '',
    ...head('peer', 'c=1', 'c=16', 'c=64', 'c=256', 'ratio at c=16', 'p50 / p99 at c=16, ms', 'theirs'),
    ...pairs.map((pair) => {
      const at16 = cells(16)(pair);
      const rates = [1, 16, 64, 256].map((c) => {
        const found = cells(c)(pair);
        return found ? `${short(found[0].rate)} : ${short(found[1].rate)}${errors(found)}` : '';
      });
      if (!at16) return row(pair.peer.title, ...rates, '', '', '');
      const [mine, theirs] = at16;
      const times = ({ latency: { p50, p99 } }: Score) => `${ms(p50)} / ${ms(p99)}`;
      return row(pair.peer.title, ...rates, ratio(mine, theirs), times(mine), times(theirs));
    }),
    '',
    '## Cost',
    '',
    'CPU seconds for 1,000 requests of one picture at c=16; memory is the proportional set of all processes after the load; start is',
    'from the start of the process to its first answer.',
    '',
    ...head('server', 'CPU s', 'memory, MiB', 'start, s'),
    ...[raw['ours-tensorflow'], raw['ours-wasm'], ...pairs.map(({ peer }) => peer)].flatMap((one) => {
      if (!one) return [];
      const score = one.cells[`${one.form} b=1 c=16`];
      return [row(one.title, score?.cpuPer1000.toFixed(3) ?? '', one.pssMiB.toFixed(0), one.startSeconds.toFixed(2))];
    }),
    '',
    '## 32 pictures in a request, c=16',
    '',
    ...head('peer', 'form', 'ours', 'theirs', 'ratio'),
    ...pairs.flatMap((pair) =>
      [`${pair.peer.form} b=32 c=16`, 'binary b=32 c=16'].flatMap((name) => {
        const found = both(pair.ours, pair.peer, name);
        return found
          ? [
              row(
                pair.peer.title,
                name.split(' ')[0] ?? '',
                short(found[0].rate),
                `${short(found[1].rate)}${errors(found)}`,
                ratio(...found),
              ),
            ]
          : [];
      }),
    ),
    '',
    '## As they come',
    '',
    'Without tuning: threads as the engine chooses, no batching unless it is on by default; one picture, c=16.',
    '',
    ...head('peer', 'ours', 'theirs', 'ratio'),
    ...pairs.flatMap(({ untuned, untunedOurs }) => {
      const found = both(untunedOurs, untuned, `${untuned.form} b=1 c=16`);
      return found ? [row(untuned.title, short(found[0].rate), short(found[1].rate), ratio(...found))] : [];
    }),
    '',
    '## The whole machine',
    '',
    'Both cores for server and load together, two workers, one picture, c=64.',
    '',
    ...head('peer', 'ours', 'theirs', 'ratio'),
    ...pairs.map(({ peer, wholeBox: { ours, peer: theirs } }) =>
      row(peer.title, short(ours.rate), short(theirs.rate), ratio(ours, theirs)),
    ),
    '',
    '## Requests that come by themselves',
    '',
    'Open loops: requests come at random times of a fixed rate, and wait for nobody. Times in milliseconds, p50 / p99; the last column is',
    "ours at the rate that is the peer's own peak.",
    '',
    ...head('server', '50 % of its peak', '90 %', '100 %', "ours at the peer's peak"),
    ...[raw['ours-tensorflow'], raw['ours-wasm']].flatMap((one) =>
      one ? [row(one.title, at(one, '50 %'), at(one, '90 %'), '', '')] : [],
    ),
    ...pairs.map(({ peer, ours }) =>
      row(peer.title, at(peer, '50 %'), at(peer, '90 %'), at(peer, '100 %'), at(ours, 'peak of the peer')),
    ),
    '',
    '## Ours by itself, and the limits',
    '',
    ...limits(raw),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function about({ cpu, cores, node, kernel, rounds, seconds, date, busy, stalls }: Machine): string {
  const others =
    busy === undefined ? 'shared with other work' : `${(busy * 100).toFixed(0)} % of them used by other work`;
  const machine = `${cpu}, ${cores} cores, ${others}; Node ${node}, Linux ${kernel}; ${rounds} rounds of ${seconds} s; ${date}.`;
  if (!stalls) return machine;
  const parts = stalls.map(({ part }) => `${(part * 100).toFixed(1)} %`).join(' and ');
  const longest = Math.max(...stalls.map(({ longestMs }) => longestMs)).toFixed(1);
  return `${machine}\nA process that only reads the clock stood still for ${parts} of the time on these cores, for ${longest} ms at most.`;
}

const errors = ([mine, theirs]: [Score, Score]) =>
  mine.errors + theirs.errors > 0 ? ` (errors ${mine.errors} : ${theirs.errors})` : '';

function at({ open }: Measured, share: string): string {
  const found = open[share];
  return found ? `${short(found.offered)}/s: ${ms(found.latency.p50)} / ${ms(found.latency.p99)}` : '';
}

function limits({ limits: found, ...raw }: Raw): string[] {
  const [native, wasm] = [raw['ours-tensorflow'], raw['ours-wasm']];
  if (!native || !found) return [];
  const show = (score: Score | undefined) =>
    score ? `${short(score.rate)}/s, ${(score.cpuPer1000 * 1000).toFixed(0)} µs CPU` : '';
  const names = Object.keys(native.cells);
  return [
    'Requests in a second, and CPU of the server for each. `net` answers fixed bytes to as many bytes, `http` is node:http that reads the',
    `body and answers fixed text. The model alone takes ${short(found.predict['1'] ?? NaN)} µs for one picture and ${short(found.predict['32'] ?? NaN)} µs for 32, our addon included.`,
    '',
    ...head('request', 'tensorflow', 'wasm', 'node:http', 'net'),
    ...names.map((name) =>
      row(name, show(native.cells[name]), show(wasm?.cells[name]), show(found.http[name]), show(found.net[name])),
    ),
  ];
}

function plots(raw: Raw): Record<string, string> {
  const pairs = Object.values(raw.pairs);
  const own = [raw['ours-tensorflow'], raw['ours-wasm']].flatMap((one) => (one ? [{ ...one, own: true }] : []));
  const all = [...own, ...pairs.map(({ peer }) => ({ ...peer, own: false }))];
  const rate = all.map((one) => ({
    label: one.title,
    own: one.own,
    value: one.cells[`${one.form} b=1 c=16`]?.rate ?? 0,
  }));
  const memory = all.map((one) => ({ label: one.title, own: one.own, value: one.pssMiB }));
  return {
    'server-rate': bars(
      'One picture as JSON, one core, 16 connections',
      '/s',
      rate.sort((a, b) => b.value - a.value),
    ),
    'server-memory': bars(
      'Memory after the load',
      'MiB',
      memory.sort((a, b) => a.value - b.value),
    ),
  };
}
