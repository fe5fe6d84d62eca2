import type { AnalysisQuery, Trial } from '../api/modeldeployment.gen.ts';
import { compare } from '../core/analysis/comparisons.ts';
import { parseReport, type PodReport } from '../core/analysis/counts.ts';
import { Ledger, type PodIdentity } from '../core/analysis/ledger.ts';
import { judgeQuery, type Measurement, type Variables } from '../core/analysis/queries.ts';
import { type Clock, sleep } from '../runtime/index.ts';
import { NoTextError } from './get-text.ts';

/** How often pods and Prometheus are asked, give or take a fifth. */
const PODS_EVERY_MS = 3_000;
const QUERIES_EVERY_MS = 15_000;

/** Growth of the serving revision's requests that alone is worth a look: a trial without requests must stay quiet. */
const MORE_TO_COMPARE = 1.25;

/** The trial, its pods and its queries, as the last pass of the ModelDeployment saw them. */
export interface Subject {
  namespace: string;
  name: string;
  trial: Trial;
  pods: readonly PodIdentity[];
  queries: readonly AnalysisQuery[];
}

export interface Sources {
  /** What the pod answers at TRIAL_PATH; undefined when it has no address (any more). Rejects with a NoTextError. */
  readPod(uid: string, signal: AbortSignal): Promise<string | undefined>;
  measure(queries: readonly AnalysisQuery[], variables: Variables, signal: AbortSignal): Promise<Measurement[]>;
}

/** Reads what there is to know of one trial, while it runs. */
export class TrialReader {
  private readonly ledger = new Ledger();
  private readonly end = new AbortController();
  private readonly loops: Promise<unknown>;
  private answers: readonly Measurement[] = [];
  /** What the verdict could depend on when `changed` was called last. */
  private known: { counts: string; control: number; answers: string };

  constructor(
    public subject: Subject,
    private readonly sources: Sources,
    /** Called when something changed that the verdict may depend on. */
    private readonly changed: () => void,
    private readonly time: { clock: Clock; random: () => number },
  ) {
    this.known = { ...this.weigh(), answers: '[]' };
    this.loops = Promise.all([
      this.repeat(PODS_EVERY_MS, () => this.readPods()),
      this.repeat(QUERIES_EVERY_MS, () => this.measure()),
    ]);
  }

  get reports(): readonly PodReport[] {
    return this.ledger.reports();
  }

  get measurements(): readonly Measurement[] {
    return this.answers;
  }

  async stop(): Promise<void> {
    this.end.abort();
    await this.loops;
  }

  private async repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    const { clock, random } = this.time;
    while (!this.end.signal.aborted) {
      // Before pods get requests and after they have become the serving ones there is nothing to judge.
      const { phase } = this.subject.trial;
      if (phase === 'Running' || phase === 'Switched') await work();
      await sleep(clock, everyMs * (0.8 + 0.4 * random()), this.end.signal);
    }
  }

  private async readPods(): Promise<void> {
    this.ledger.keepOnly(new Set(this.subject.pods.map(({ uid }) => uid)));
    await Promise.all(this.subject.pods.map((pod) => this.readPod(pod)));
    if (this.end.signal.aborted) return;
    const { counts, control } = this.weigh();
    if (counts === this.known.counts && control <= this.known.control * MORE_TO_COMPARE) return;
    this.known = { ...this.known, counts, control };
    this.changed();
  }

  private weigh(): { counts: string; control: number } {
    const { total, mirror, golden } = compare(this.reports, this.subject.trial.revision, 0);
    const silent = this.reports.map(({ pod, trouble }) => trouble && `${pod} ${trouble}`).filter(Boolean);
    const counts = JSON.stringify([total.felt, total.own, mirror, golden, silent]);
    return { counts, control: total.control.felt.requests };
  }

  private async readPod(pod: PodIdentity): Promise<void> {
    const { trial } = this.subject;
    if (pod.revision !== trial.revision && pod.revision !== trial.from) return;
    try {
      const text = await this.sources.readPod(pod.uid, this.end.signal);
      if (text === undefined) return;
      const report = parseReport(text);
      if (report === undefined) throw new NoTextError('its answer is no report of a trial');
      // A pod that serves counts for a trial only since it has been told of it.
      if (pod.revision !== trial.revision && report.trial !== trial.id) return;
      this.ledger.take(pod, report, trial.weight, this.now());
    } catch (error) {
      const tooOld = error instanceof NoTextError && error.status === 404;
      const trouble = tooOld ? 'its server is too old to report on trials' : (error as Error).message;
      this.ledger.miss(pod, trial.weight, trouble, this.now());
    }
  }

  private async measure(): Promise<void> {
    const { namespace, name, trial, queries } = this.subject;
    const variables = { namespace, name, stable: trial.from, target: trial.revision };
    const measurements = await this.sources.measure(queries, variables, this.end.signal);
    if (this.end.signal.aborted) return;
    this.answers = measurements;
    const findings = queries.map((query) => judgeQuery(query, measurements));
    // A value that wanders within its bounds is no news.
    const answers = JSON.stringify(findings.map((one) => (one.is === 'unknown' ? one : one.is)));
    if (answers === this.known.answers) return;
    this.known = { ...this.known, answers };
    this.changed();
  }

  private now(): number {
    return this.time.clock.date().getTime();
  }
}
