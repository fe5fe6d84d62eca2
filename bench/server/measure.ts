/** One peer beside our server: rounds that alternate between both, so that whatever else the machine does hits both. */
import { median, type Load, type LoadGenerator, type Quantiles, type Result } from '../load/index.ts';
import { pathOf, type Contestant, type Setting, type Stage, type Started } from './contestants.ts';
import { message, outputsOf, type FormName } from './forms.ts';
import { expected, pictures } from './mlp.ts';

export interface Cell {
  name: string;
  rows: number;
  form: FormName;
  connections: number;
}

export interface Rounds {
  rounds: number;
  seconds: number;
}

/** Of one contestant in one cell, over all rounds. */
export interface Score {
  /** Requests with 200 in a second, median of the rounds. */
  rate: number;
  /** Lowest and highest of the rounds. */
  rates: [number, number];
  latency: Quantiles;
  /** CPU of the server for 1,000 requests, in seconds. */
  cpuPer1000: number;
  errors: number;
}

export interface Measured {
  name: string;
  title: string;
  form: FormName;
  startSeconds: number;
  pssMiB: number;
  cells: Record<string, Score>;
  open: Record<string, Score & { offered: number }>;
}

const TOLERANCE = 1e-5;

/** @throws Error when a contestant answers anything but what the model computes */
export async function agree(contestant: Contestant, { port }: Started): Promise<void> {
  const rows = pictures(100, 'four', 2);
  const right = expected(rows);
  for (const form of contestant.forms) {
    // In parts that the smallest batch limit takes.
    for (let from = 0; from < rows.length; from += 20) {
      const { path, headers, body } = message(form, rows.slice(from, from + 20), pathOf(contestant, form));
      const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        // A connection that is kept may be closed by the server just when it is used again.
        headers: { ...headers, Connection: 'close' },
        body: new Uint8Array(body),
      });
      if (!reply.ok) throw new Error(`${contestant.title} refuses ${form}: ${reply.status} ${await reply.text()}`);
      const found = await outputsOf(form, reply);
      const wrong = found.findIndex((value, i) => !(Math.abs(value - (right[from * 10 + i] ?? NaN)) <= TOLERANCE));
      if (found.length !== 200 || wrong >= 0)
        throw new Error(
          `${contestant.title} answers ${found[wrong]} to ${form} where ${right[from * 10 + wrong]} is right`,
        );
    }
  }
}

export class Meter {
  readonly #requests = new Map<string, Promise<string>>();
  constructor(
    private readonly generator: LoadGenerator,
    private readonly cores: string,
  ) {}

  /** One load on a contestant, and what it cost. */
  async once(
    contestant: Contestant,
    { port, process }: Started,
    cell: Cell,
    load: Partial<Load> & { seconds: number },
  ) {
    const path = pathOf(contestant, cell.form);
    const key = `${path} ${cell.form} ${cell.rows}`;
    const made = () => this.generator.request(message(cell.form, pictures(cell.rows, 'four'), path));
    if (!this.#requests.has(key)) this.#requests.set(key, made());
    const requestFile = (await this.#requests.get(key)) ?? '';
    const before = await process.cpuSeconds();
    const result = await this.generator.run({ port, requestFile, connections: cell.connections, ...load }, this.cores);
    const all = result.timeline.reduce((sum, { ok, shed, other }) => sum + ok + shed + other, 0);
    return { result, cpuPer1000: (((await process.cpuSeconds()) - before) / all) * 1000 };
  }

  closed(subjects: readonly Subject[], rounds: Rounds): Promise<Score[]> {
    return this.#alternate(subjects, rounds, {});
  }

  async open(subject: Subject, rate: number, rounds: Rounds) {
    const [found] = await this.#alternate([subject], rounds, { warmupSeconds: 0.5, rate });
    return { ...(found as Score), offered: rate };
  }

  /** The rounds of one cell for several contestants, forwards and backwards in turn. */
  async #alternate(subjects: readonly Subject[], { rounds, seconds }: Rounds, load: Partial<Load>): Promise<Score[]> {
    const found = subjects.map((): Sample[] => []);
    for (let round = 0; round < rounds; round++) {
      const order = subjects.map((_, i) => i);
      for (const i of round % 2 === 0 ? order : order.reverse()) {
        const { contestant, started, cell } = subjects[i] as Subject;
        const warmupSeconds = round === 0 ? 1 : 0.2;
        found[i]?.push(await this.once(contestant, started, cell, { seconds, warmupSeconds, ...load }));
      }
    }
    return found.map(score);
  }
}

export interface Subject {
  contestant: Contestant;
  started: Started;
  cell: Cell;
}

interface Sample {
  result: Result;
  cpuPer1000: number;
}

function score(samples: readonly Sample[]): Score {
  const rates = samples.map(({ result }) => result.rate);
  const of = (choose: (quantiles: Quantiles) => number) => median(samples.map(({ result }) => choose(result.ok)));
  return {
    rate: median(rates),
    rates: [Math.min(...rates), Math.max(...rates)],
    latency: {
      p50: of(({ p50 }) => p50),
      p90: of(({ p90 }) => p90),
      p99: of(({ p99 }) => p99),
      max: of(({ max }) => max),
    },
    cpuPer1000: median(samples.map(({ cpuPer1000 }) => cpuPer1000)),
    errors: samples.reduce((sum, { result }) => {
      const { 200: ok = 0, ...others } = result.statuses;
      void ok;
      return sum + Object.values(others).reduce((a, b) => a + b, 0);
    }, 0),
  };
}

export async function withStarted<T>(
  contestants: readonly Contestant[],
  stage: Stage,
  setting: Setting,
  use: (started: Started[]) => Promise<T>,
): Promise<T> {
  const started: Started[] = [];
  try {
    for (const contestant of contestants) {
      const one = await contestant.start(stage, setting);
      started.push(one);
      await agree(contestant, one);
    }
    return await use(started);
  } finally {
    for (const { process } of started) await process.stop();
  }
}
