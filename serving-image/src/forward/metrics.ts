import { Counter, Histogram, type Registry } from 'prom-client';

/** How the answer to a copy compares; `dropped` was never sent. */
export type MirrorOutcome = 'equal' | 'differing' | 'failed' | 'dropped';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the trial of a new revision adds to the metrics of a stable server; without a trial there is nothing of it. */
export class ForwardMetrics {
  /** By `Outcome`, or `skipped` when it was not sent because the revision on trial had just failed several times. */
  readonly forwarded;
  readonly duration;
  readonly mirrored;
  readonly replayed;

  constructor(registry: Registry) {
    const registers = [registry];
    this.forwarded = new Counter<'outcome'>({
      name: 'modeldeployment_forwarded_requests_total',
      help: 'Requests of clients whose turn it was to go to the revision on trial, by what became of them there.',
      labelNames: ['outcome'],
      registers,
    });
    this.duration = new Histogram({
      name: 'modeldeployment_forwarded_duration_seconds',
      help: 'Time from a complete request to its answer, when it was forwarded; a fallback included.',
      buckets: SECONDS,
      registers,
    });
    this.mirrored = new Counter<'outcome'>({
      name: 'modeldeployment_mirrored_requests_total',
      help: 'Copies of requests for the revision on trial, by how its answers compare.',
      labelNames: ['outcome'],
      registers,
    });
    this.replayed = new Counter({
      name: 'modeldeployment_replayed_requests_total',
      help: 'Requests that the server itself sent to both revisions because clients sent too few.',
      registers,
    });
  }
}
