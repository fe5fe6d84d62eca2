/** Copies of requests for the revision on trial, and the comparison of its answers with those the clients got. */
import { EXAMPLES, type Difference, type Traffic } from '@modeldeployment/modelpack/traffic';
import type { Tolerance } from '../model/golden.ts';
import type { Forwarding } from '../telemetry/forwarding.ts';
import { Backlog } from './backlog.ts';
import { difference } from './compare.ts';
import type { Answered, Exchange, Reply } from './exchange.ts';
import type { Round } from './round.ts';

const LIMITS = { running: 2, waiting: 64, bytes: 16 * 1024 * 1024 };

export class Mirror {
  readonly #backlog = new Backlog(LIMITS);

  constructor(private readonly metrics: Forwarding) {}

  /** Sends a copy of a request that was answered here: later, and not at all when too many wait. */
  offer<T>(exchange: Exchange<T>, answered: Answered<T>, traffic: Traffic, round: Round): void {
    const time = new Date();
    const run = async () => this.compare(exchange, answered, await round.ask(exchange, traffic), traffic, round, time);
    const taken = round.breaker.allows() && this.#backlog.offer({ bytes: exchange.bytes + answered.bytes, run });
    if (taken) return;
    round.counts.mirror.dropped++;
    this.metrics.mirrored('dropped');
  }

  compare<T>(
    exchange: Exchange<T>,
    { answer }: Answered<T>,
    reply: Reply<T>,
    traffic: Traffic,
    { counts: { mirror } }: Round,
    time: Date,
  ): void {
    const outcome = verdict(exchange, answer, reply, toleranceOf(traffic));
    if (outcome === 'failed') mirror.failed++;
    else mirror.compared++;
    if (typeof outcome === 'object') {
      mirror.differing++;
      if (mirror.examples.length < EXAMPLES) mirror.examples.push({ time: time.toISOString(), ...outcome });
    }
    this.metrics.mirrored(typeof outcome === 'object' ? 'differing' : outcome);
  }
}

/** One number for both parts. */
const toleranceOf = ({ mirror: { tolerance } = { percent: 0, tolerance: 0 } }: Traffic): Tolerance => ({
  absolute: tolerance,
  relative: tolerance,
});

function verdict<T>(
  exchange: Exchange<T>,
  answer: T,
  reply: Reply<T>,
  tolerance: Tolerance,
): 'equal' | 'failed' | Omit<Difference, 'time'> {
  if (!reply.ok) return 'failed';
  try {
    return difference(exchange.outputs(answer), exchange.outputs(reply.answer), tolerance) ?? 'equal';
  } catch {
    // An answer of 200 that is none: an older or newer server than this one, or something between the two.
    return 'failed';
  }
}
