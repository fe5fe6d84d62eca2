/** Which engine runs a model, and why. Pure. */
import type { EngineChoice, EngineName, Measurement } from '../model/types.ts';

/** An engine that cannot run the model, or is not to. */
export interface Excluded {
  engine: EngineName;
  because: string;
}

/**
 * The quickest of the engines that were measured: the least sum of its times for one row and for a batch, each as a
 * multiple of the best, so that neither outweighs the other. Undefined when there is none.
 */
export function pickEngine(measured: readonly Measurement[], excluded: readonly Excluded[]): EngineChoice | undefined {
  const best = (of: (measurement: Measurement) => number) => Math.min(...measured.map(of));
  const [one, batch] = [best(({ oneMs }) => oneMs), best(({ batchMs }) => batchMs)];
  const score = ({ oneMs, batchMs }: Measurement) => oneMs / one + batchMs / batch;
  const [first, ...others] = [...measured].sort((a, b) => score(a) - score(b));
  if (!first) return undefined;
  const words = [
    others.length === 0
      ? `${first.engine} is the only engine that can run it`
      : `measured ${[first, ...others].map(describe).join(', ')}`,
    ...excluded.map(({ engine, because }) => `not ${engine}: ${because}`),
  ];
  return { engine: first.engine, reason: words.join('; ') };
}

const describe = ({ engine, oneMs, batchMs, batchRows }: Measurement) =>
  `${engine} ${text(oneMs)} ms for 1 row${batchRows > 1 ? ` and ${text(batchMs)} ms for ${batchRows}` : ''}`;

/** Three digits tell enough. */
const text = (milliseconds: number) => String(Number(milliseconds.toPrecision(3)));
