/** The goals of issue 5, judged by the figures. Pure. */
import type { Measured, Score } from './measure.ts';
import { short } from './plot.ts';
import type { Raw } from './raw.ts';

export interface Goal {
  id: string;
  what: string;
  found: string;
  reached: boolean | undefined;
}

const ROWS = 32;
const cell = ({ cells }: Measured, name: string): Score => {
  const found = cells[name];
  if (!found) throw new Error(`no figures for ${name}`);
  return found;
};
const times = (value: number) => `${short(value)} ×`;

/** Undefined `reached` where the figures for it are missing. */
export function goals(raw: Raw): Goal[] {
  const { limits } = raw;
  const [native, wasm] = [raw['ours-tensorflow'], raw['ours-wasm']];
  const judge = (id: string, what: string, evaluate: () => [found: string, reached: boolean]): Goal => {
    try {
      const [found, reached] = evaluate();
      return { id, what, found, reached };
    } catch {
      return { id, what, found: 'not measured', reached: undefined };
    }
  };
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('not measured');
    return value;
  };
  /** CPU of the server for a row, over that of the model by itself. */
  const overPredict = (name: string) =>
    (cell(there(native), name).cpuPer1000 * 1000) / there(limits).predict[String(ROWS)]!;
  const pair = (name: string) => there(raw.pairs[name]);
  const faster = (name: string, connections: number) => {
    const { ours, peer } = pair(name);
    const key = `${peer.form} b=1 c=${connections}`;
    return cell(ours, key).rate / cell(peer, key).rate;
  };
  const atLeast = (least: number, ratios: readonly number[]): [string, boolean] => [
    ratios.map(times).join(', '),
    ratios.every((ratio) => ratio >= least),
  ];
  const open = (share: string) => there(there(native).open[share]);
  return [
    judge('G1', 'CPU for a row ≤ 1.15 × the model alone; binary, 32 rows', () => {
      const ratio = overPredict(`binary b=${ROWS} c=16`);
      return [times(ratio), ratio <= 1.15];
    }),
    judge('G2', 'the same ≤ 3 × with JSON of 4 decimals (aim 1.5)', () => {
      const ratio = overPredict(`v1 b=${ROWS} c=16`);
      return [times(ratio), ratio <= 3];
    }),
    judge('G3', 'rate ≥ 4 × express with tfjs-node, c = 16 and 64', () =>
      atLeast(4, [faster('express', 16), faster('express', 64)]),
    ),
    judge('G4', 'rate ≥ 12 × MLServer and KServe, c = 16', () =>
      atLeast(12, [faster('mlserver', 16), faster('kserve', 16)]),
    ),
    judge('G5a', 'rate ≥ 15 × LitServe and BentoML, c = 16', () =>
      atLeast(15, [faster('litserve', 16), faster('bentoml', 16)]),
    ),
    judge('G5b', 'rate ≥ 25 × Ray Serve, c = 16', () => atLeast(25, [faster('ray', 16)])),
    judge('G5c', 'rate ≥ 5 × FastAPI with tf.function, c = 16', () => atLeast(5, [faster('fastapi', 16)])),
    judge('G6a', 'rate ≥ 6 × PyTriton, c = 16', () => atLeast(6, [faster('pytriton', 16)])),
    judge('G6b', 'rate ≥ 2.5 × Triton with its Python backend, c = 16', () => atLeast(2.5, [faster('triton', 16)])),
    judge('G7', 'rate ≥ 1.5 × fastify with onnxruntime-node, c = 16 and 64', () =>
      atLeast(1.5, [faster('fastify', 16), faster('fastify', 64)]),
    ),
    judge('G8', 'p99 at half of the peak ≤ 3 × p50, and ≤ 2 ms', () => {
      const { p50, p99 } = open('50 %').latency;
      return [`p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`, p99 <= 3 * p50 && p99 <= 2];
    }),
    judge('G9', 'p99 where the best peer saturates ≤ 1/10 of its p99', () => {
      const best = Object.values(raw.pairs).reduce((a, b) => (peak(b.peer) > peak(a.peer) ? b : a));
      const mine = there(best.ours.open['peak of the peer']).latency.p99;
      const theirs = there(best.peer.open['100 %']).latency.p99;
      return [`${mine.toFixed(2)} ms against ${theirs.toFixed(2)} ms of ${best.peer.title}`, mine <= theirs / 10];
    }),
    judge('G10', 'time at c = 1 ≤ 1.2 × an echo and the model', () => {
      const echo = there(there(limits).net['v1 b=1 c=1']).latency.p50;
      const ratio = cell(there(native), 'v1 b=1 c=1').latency.p50 / (echo + there(limits).predict['1']! / 1000);
      return [times(ratio), ratio <= 1.2];
    }),
    judge('G12', 'memory ≤ 0.4 × FastAPI with TensorFlow (aim 0.25), with TensorFlow and with wasm', () => {
      const theirs = pair('fastapi').peer.pssMiB;
      const [a, b] = [there(native).pssMiB / theirs, there(wasm).pssMiB / theirs];
      return [`${times(a)}, wasm ${times(b)}`, a <= 0.4 && b <= 0.4];
    }),
    judge('G13', 'start to first answer ≤ 0.5 s with wasm; ≥ 10 × faster than FastAPI with TensorFlow', () => {
      const { startSeconds } = there(wasm);
      const ratio = pair('fastapi').peer.startSeconds / startSeconds;
      return [`${startSeconds.toFixed(2)} s, ${times(ratio)} faster`, startSeconds <= 0.5 && ratio >= 10];
    }),
  ];
}

const peak = ({ cells, form }: Measured): number =>
  Math.max(...Object.entries(cells).map(([name, { rate }]) => (name.startsWith(`${form} b=1 `) ? rate : 0)));
