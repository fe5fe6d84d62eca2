/**
 * Counts in plain numbers. The metrics library takes about a microsecond for each labelled count and two for a histogram,
 * which is as much as reading a small tensor; here it is a tenth of that. The library gets the numbers when somebody looks.
 */
import {
  METRICS,
  type CounterDefinition,
  type Definition,
  type GaugeDefinition,
  type HistogramDefinition,
  type MetricSet,
} from './definitions.ts';

export type Labels = Readonly<Record<string, string>>;

interface Value {
  labels: Labels;
  value: number;
  metricName?: string;
}

/** What one process has counted, as it travels to another. The form is the metrics library's. */
export type Snapshot = {
  name: string;
  help: string;
  type: Definition['type'];
  aggregator: Definition['aggregator'];
  values: Value[];
}[];

type KeyOf<T extends Definition> = {
  [Key in keyof typeof METRICS]: (typeof METRICS)[Key] extends T ? Key : never;
}[keyof typeof METRICS];

/** A series: one choice of label values. To be kept where it is counted often. */
export interface Count {
  value: number;
}

export class Distribution {
  readonly counts: Float64Array;
  sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let i = 0;
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++;
    (this.counts[i] as number)++;
    this.sum += value;
  }
}

/** The series of one metric, made when they are first asked for. */
class Family<Series> {
  readonly series = new Map<string, { labels: Labels; series: Series }>();

  constructor(
    private readonly definition: Definition,
    private readonly make: () => Series,
  ) {}

  with(...values: string[]): Series {
    let [key = ''] = values;
    // Not `join`, which takes longer than all the rest.
    for (let i = 1; i < values.length; i++) key += `\n${values[i]}`;
    return kept(this.series, key, () => ({
      labels: Object.fromEntries(this.definition.labels.map((name, i) => [name, values[i] ?? ''])),
      series: this.make(),
    })).series;
  }
}

/** All metrics of one process. */
export class Meter {
  readonly #counters = new Map<CounterDefinition, Family<Count>>();
  readonly #histograms = new Map<HistogramDefinition, Family<Distribution>>();
  readonly #gauges = new Map<GaugeDefinition, () => readonly { labels: Labels; value: number }[]>();

  /** `identity`: the labels that every series of a set has, unless it brings its own. */
  constructor(private readonly identity: Readonly<Partial<Record<MetricSet, Labels>>>) {}

  /** `labels` are values in the order of the definition. */
  counter(key: KeyOf<CounterDefinition>, ...labels: string[]): Count {
    const definition: CounterDefinition = METRICS[key];
    return kept(this.#counters, definition, () => new Family<Count>(definition, () => ({ value: 0 }))).with(...labels);
  }

  histogram(key: KeyOf<HistogramDefinition>, ...labels: string[]): Distribution {
    const definition: HistogramDefinition = METRICS[key];
    const make = () => new Family(definition, () => new Distribution(definition.buckets));
    return kept(this.#histograms, definition, make).with(...labels);
  }

  /** `read` is asked for each snapshot. */
  gauge(key: KeyOf<GaugeDefinition>, read: () => number, labels: Labels = {}): void {
    this.gauges(key, () => [{ labels, value: read() }]);
  }

  gauges(key: KeyOf<GaugeDefinition>, read: () => readonly { labels: Labels; value: number }[]): void {
    this.#gauges.set(METRICS[key], read);
  }

  snapshot(): Snapshot {
    const snapshot: Snapshot = [];
    const add = (definition: Definition, values: Value[]) => {
      const { name, help, type, aggregator, set } = definition;
      const all = values.map((value) => ({ ...value, labels: { ...value.labels, ...this.identity[set] } }));
      snapshot.push({ name, help, type, aggregator, values: all });
    };
    for (const [definition, { series }] of this.#counters)
      add(
        definition,
        [...series.values()].map(({ labels, series: { value } }) => ({ labels, value })),
      );
    for (const [definition, { series }] of this.#histograms)
      add(
        definition,
        [...series.values()].flatMap(({ labels, series: distribution }) =>
          histogramValues(definition, labels, distribution),
        ),
      );
    for (const [definition, read] of this.#gauges) add(definition, [...read()]);
    return snapshot;
  }
}

/** What `map` has for a key, made when it is first asked for. */
export function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Buckets count everything up to their bound, as Prometheus has it. */
function histogramValues(
  { name, buckets }: HistogramDefinition,
  labels: Labels,
  { counts, sum }: Distribution,
): Value[] {
  let total = 0;
  const values: Value[] = [...buckets.map(String), '+Inf'].map((le, i) => ({
    labels: { ...labels, le },
    value: (total += counts[i] ?? 0),
    metricName: `${name}_bucket`,
  }));
  return [
    ...values,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: total, metricName: `${name}_count` },
  ];
}
