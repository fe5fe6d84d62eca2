/** From what the processes have counted to one page for Prometheus. */
import { AggregatorRegistry } from 'prom-client';
import type { Catalog } from '../model/catalog.ts';
import { METRICS, type MetricSet } from './definitions.ts';
import type { Snapshot } from './meter.ts';

export interface Exposition {
  contentType: string;
  text: string;
}

/** The pages there are, and the sets of names on each. */
export const PAGES = {
  own: ['own', 'kserve'],
  triton: ['triton'],
  tensorflow: ['tensorflow'],
  all: ['own', 'kserve', 'triton', 'tensorflow'],
} as const satisfies Record<string, readonly MetricSet[]>;
export type Page = keyof typeof PAGES;

/** By the kind of route that asks for it. */
export const PAGE_OF = {
  metrics: 'own',
  'metrics.triton': 'triton',
  'metrics.tensorflow': 'tensorflow',
  'metrics.all': 'all',
} as const satisfies Record<string, Page>;

const SET = new Map<string, MetricSet>(Object.values(METRICS).map(({ name, set }) => [name, set]));

/** One text from the snapshots of several processes. */
export async function exposition(snapshots: readonly Snapshot[], page: Page): Promise<Exposition> {
  const sets: readonly MetricSet[] = PAGES[page];
  const shown = snapshots.map((metrics) => metrics.filter(({ name }) => sets.includes(SET.get(name) ?? 'own')));
  const registry = AggregatorRegistry.aggregate(shown);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/**
 * What stays of workers that are gone: counters must never fall, gauges must not outlive what they measure. Series of
 * versions that are no longer in the catalog end, so that there are never more of them than of versions.
 */
export async function retained(snapshots: readonly Snapshot[], { models }: Catalog): Promise<Snapshot> {
  const known = new Set(models.flatMap(({ name, versions }) => versions.map(({ version }) => `${name}/${version}`)));
  const lasting = snapshots.map((metrics) =>
    metrics
      .filter(({ type }) => type !== 'gauge')
      .map((metric) => ({
        ...metric,
        values: metric.values.filter(({ labels: { model, model_name: name, version } }) =>
          known.has(`${model ?? name}/${version}`),
        ),
      })),
  );
  return (await AggregatorRegistry.aggregate(lasting).getMetricsAsJSON()) as unknown as Snapshot;
}
