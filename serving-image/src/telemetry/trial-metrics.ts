import { FALLBACK, type FallbackCause } from '@modeldeployment/modelpack/traffic';
import type { Meter } from './meter.ts';

/**
 * What became of a request for the revision on trial: `answered`; `rejected` with a 4xx, as by the stable one; why there is no
 * answer that can be passed on; `skipped`, because it had just failed several times in a row; `unsent`, because of what the
 * request is, or because too many others were waiting.
 */
export type ForwardOutcome = 'answered' | 'rejected' | 'skipped' | 'unsent' | FallbackCause;
/** How the answer to a copy compares; `dropped` was never sent, or nothing can be said of it. */
export type MirrorOutcome = 'equal' | 'differing' | 'failed' | 'dropped';

const FORWARD: readonly ForwardOutcome[] = [
  'answered',
  'rejected',
  'skipped',
  'unsent',
  ...(Object.keys(FALLBACK) as FallbackCause[]),
];
const MIRROR: readonly MirrorOutcome[] = ['equal', 'differing', 'failed', 'dropped'];

/** What a server counts of the trial of a new revision. */
export class Forwarding {
  constructor(private readonly meter: Meter) {
    // Zero from the start: a counter that appears with its first event hides it from rates.
    for (const outcome of FORWARD) meter.counter('forwarded', outcome);
    for (const outcome of MIRROR) meter.counter('mirrored', outcome);
    meter.counter('replayed');
    meter.histogram('forwardedDuration');
  }

  forwarded(outcome: Exclude<ForwardOutcome, 'skipped'>, milliseconds: number): void {
    this.meter.counter('forwarded', outcome).value++;
    this.meter.histogram('forwardedDuration').observe(milliseconds / 1000);
  }

  skipped(): void {
    this.meter.counter('forwarded', 'skipped').value++;
  }

  mirrored(outcome: MirrorOutcome): void {
    this.meter.counter('mirrored', outcome).value++;
  }

  replayed(): void {
    this.meter.counter('replayed').value++;
  }
}
