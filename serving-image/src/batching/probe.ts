/**
 * Whether a row gets the same answer whatever rows are run with it: tried with rows that differ. No number of tries proves that, but
 * many mistakes show.
 */
import { type Predictor, type Tensor } from '../model/types.ts';
import { differing, scalesOf, type Scales } from './alike.ts';
import { join, split } from './join.ts';
import { RunError } from '../errors.ts';

type Row = readonly Tensor[];

export interface Probe {
  predictor: Pick<Predictor, 'predict'>;
  signature: string;
  /** Alike in their shapes, and as different in their values as can be. */
  rows: readonly Row[];
  /** Most rows of a batch. */
  batchRows: number;
  /** So long it may take, in milliseconds. */
  budgetMs: number;
  now?: () => number;
}

/** `independent`: no difference was found. `unknown`: too little could be tried. Why, in words. */
export type Finding =
  { rows: 'independent' } | { rows: 'dependent'; because: string } | { rows: 'unknown'; because: string };

/** More rows than this show no more. */
const MOST_ROWS = 6;
const FEW = 4;
/** About so often each of a few rows is run. */
const RUNS = 12;
/** Values that show in each sum and each product they are part of. */
const EXTREMES = [NaN, 1e30] as const;

export async function probe(options: Probe): Promise<Finding> {
  const attempt = new Attempt(options);
  try {
    return (await attempt.run()) ?? { rows: 'independent' };
  } catch (error) {
    if (error instanceof Ended) return error.finding;
    throw error;
  }
}

class Ended extends Error {
  constructor(readonly finding: Finding) {
    super('the probe has ended');
  }
}

const ended = (rows: 'dependent' | 'unknown', because: string) => new Ended({ rows, because });

class Attempt {
  readonly #now: () => number;
  readonly #started: number;
  #perRow = Infinity;
  #rows: Row[] = [];
  #alone: Row[] = [];
  #scales: Scales = new Map();

  constructor(private readonly options: Probe) {
    this.#now = options.now ?? (() => performance.now());
    this.#started = this.#now();
  }

  async run(): Promise<Finding | undefined> {
    await this.#eachAlone();
    const most = Math.max(2, this.options.batchRows);
    const count = this.#rows.length;
    const all = Array.from({ length: Math.min(count, most) }, (_, i) => i);
    const small = all.slice(0, FEW);
    for (const order of [[0, 1], [1, 0], all, all.toReversed()]) await this.#inCompany(order);
    await this.#amongOthers(small, true);
    // With another step than one no row stands where it would stand in the order of all.
    const full = Array.from({ length: most }, (_, i) => (i * 5 + 1) % count);
    if (!this.#hasTimeFor(full.length * 5)) return undefined;
    await this.#inCompany(full);
    await this.#amongOthers(full, false);
    return undefined;
  }

  async #eachAlone(): Promise<void> {
    let refusal = '';
    for (const row of this.options.rows) {
      if (this.#rows.length === MOST_ROWS || (this.#rows.length >= 2 && !this.#hasTimeFor(FEW * RUNS))) break;
      if (this.#now() - this.#started > this.options.budgetMs / 4) break;
      const started = this.#now();
      const answer = await this.#answer(row).catch((error: unknown) => {
        if (error instanceof RunError) return void (refusal = `: ${error.message}`);
        throw error;
      });
      if (answer === undefined) continue;
      this.#perRow = Math.min(this.#perRow, this.#now() - started);
      this.#rows.push(row);
      this.#alone.push(answer);
    }
    const few = Math.min(FEW, Math.max(2, this.#rows.length));
    if (this.#perRow !== Infinity && !this.#hasTimeFor(few * RUNS))
      throw ended('unknown', `a row takes ${Math.round(this.#perRow)} ms, too long to try rows together`);
    if (this.#rows.length < 2)
      throw ended('unknown', `it answers ${this.#rows.length} of the rows made to try it${refusal}`);
    this.#scales = scalesOf(this.#alone);
  }

  /** Each row gets the answer that it gets alone, but for rounding. */
  async #inCompany(order: readonly number[]): Promise<void> {
    const answers = await this.#together(order.map((i) => this.#row(i)));
    answers.forEach((answer, place) => {
      const output = differing(this.#alone[order[place] ?? 0] ?? [], answer, this.#scales);
      if (output !== undefined) throw this.#dependent(output, order.length);
    });
  }

  /** At the same place of a batch of the same size a row gets the same bits, whatever the others are. */
  async #amongOthers(order: readonly number[], extremes: boolean): Promise<void> {
    const rows = order.map((i) => this.#row(i));
    const before = await this.#together(rows);
    const again = await this.#together(rows);
    const unsteady = before.some((answer, i) => differing(answer, again[i] ?? []) !== undefined);
    const scales = unsteady ? this.#scales : undefined;
    const changes: ((row: Row, i: number) => Row)[] = [(_, i) => this.#row(i + 1)];
    if (extremes) changes.push(...EXTREMES.map((value) => (row: Row) => filled(row, value)));
    for (const change of changes) {
      for (const odd of [0, 1]) {
        const changed = rows.map((row, place) => (place % 2 === odd ? change(row, order[place] ?? 0) : row));
        const after = await this.#together(changed).catch((error: unknown) => {
          // A model may refuse a row that is not a number.
          if (extremes && error instanceof Ended && error.finding.rows === 'unknown') return undefined;
          throw error;
        });
        after?.forEach((answer, place) => {
          const output = place % 2 === odd ? undefined : differing(before[place] ?? [], answer, scales);
          if (output !== undefined) throw this.#dependent(output, order.length);
        });
      }
    }
  }

  async #together(rows: readonly Row[]): Promise<Row[]> {
    const outputs = await this.#answer(join(rows)).catch((error: unknown) => {
      if (error instanceof RunError) throw ended('unknown', `it refuses ${rows.length} rows: ${error.message}`);
      throw error;
    });
    const parts = split(
      outputs,
      Array.from(rows, () => 1),
    );
    if (parts) return parts;
    throw ended('dependent', `with ${rows.length} rows its outputs do not have as many`);
  }

  #answer(inputs: Row): Promise<Tensor[]> {
    return this.options.predictor.predict(this.options.signature, inputs);
  }

  #row(i: number): Row {
    return this.#rows[i % this.#rows.length] ?? [];
  }

  #hasTimeFor(rows: number): boolean {
    return this.#now() - this.#started + rows * this.#perRow <= this.options.budgetMs;
  }

  #dependent(output: string, rows: number): Ended {
    return ended('dependent', `with ${rows} rows output ${output} of a row depends on the others`);
  }
}

/** With this value in all places that hold fractions. */
const filled = (row: Row, value: number): Row =>
  row.map((tensor) =>
    tensor.data instanceof Float32Array || tensor.data instanceof Float64Array
      ? { ...tensor, data: tensor.data.map(() => value) }
      : tensor,
  );
