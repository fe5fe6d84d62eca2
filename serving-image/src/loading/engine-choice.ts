/** Which engine runs a model, and why. Pure. */
import type { EngineChoice, EngineName, Measurement } from '../model/types.ts';

/** An engine that was not measured: it cannot run the model, or there was no time, or no request. */
export interface Excluded {
  engine: EngineName;
  because: string;
}

/**
 * The quickest of the engines that were measured: the least sum of its times for one row alone and for one of a batch, each as a
 * multiple of the best, so that neither outweighs the other. Undefined when there is none.
 */
export function pickEngine(measured: readonly Measurement[], excluded: readonly Excluded[]): EngineChoice | undefined {
  const ofBatch = ({ batchMs, batchRows }: Measurement) => batchMs / batchRows;
  const best = (of: (measurement: Measurement) => number) => Math.min(...measured.map(of));
  const [one, batch] = [best(({ oneMs }) => oneMs), best(ofBatch)];
  const score = (measurement: Measurement) => measurement.oneMs / one + ofBatch(measurement) / batch;
  const [first, ...others] = [...measured].sort((a, b) => score(a) - score(b));
  if (!first) return undefined;
  const words = [
    others.length === 0
      ? `${first.engine} is the only engine that was measured`
      : `measured ${[first, ...others].map(describe).join(', ')}`,
    ...excluded.map(not),
  ];
  return { engine: first.engine, reason: words.join('; ') };
}

/** Where none was measured, the first that did not fail. */
export function firstAble(able: readonly Excluded[], unable: readonly Excluded[]): EngineChoice | undefined {
  const [first, ...others] = able;
  if (!first) return undefined;
  const words = [
    `${first.engine} is the first that did not fail: ${first.because}`,
    ...[...others, ...unable].map(not),
  ];
  return { engine: first.engine, reason: words.join('; ') };
}

const not = ({ engine, because }: Excluded) => `not ${engine}: ${because}`;

const describe = ({ engine, oneMs, batchMs, batchRows }: Measurement) =>
  `${engine} ${text(oneMs)} ms for 1 row${batchRows > 1 ? ` and ${text(batchMs)} ms for ${batchRows}` : ''}`;

/** Three digits tell enough. */
const text = (milliseconds: number) => String(Number(milliseconds.toPrecision(3)));
