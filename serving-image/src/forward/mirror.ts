/** Copies of requests for the revision on trial, and the comparison of its answers with those the clients got. */
import { EXAMPLES, type Difference, type Traffic } from '@modeldeployment/modelpack/traffic';
import { Backlog } from './backlog.ts';
import { difference } from './compare.ts';
import type { Answered, Exchange, Reply } from './exchange.ts';
import type { ForwardMetrics, MirrorOutcome } from './metrics.ts';
import type { Round } from './round.ts';

const LIMITS = { running: 2, waiting: 64, bytes: 16 * 1024 * 1024 };

export class Mirror {
  readonly #backlog = new Backlog(LIMITS);

  constructor(private readonly metrics: ForwardMetrics) {}

  /** Sends a copy of a request that was answered here: later, and not at all when too many wait. */
  offer<T>(exchange: Exchange<T>, answered: Answered<T>, traffic: Traffic, round: Round): void {
    const time = new Date();
    const run = async () => this.compare(exchange, answered, await round.ask(exchange, traffic), traffic, round, time);
    const taken = round.breaker.allows() && this.#backlog.offer({ bytes: exchange.bytes + answered.bytes, run });
    if (taken) return;
    round.counts.mirror.dropped++;
    this.metrics.mirrored.inc({ outcome: 'dropped' satisfies MirrorOutcome });
  }

  compare<T>(
    exchange: Exchange<T>,
    { answer }: Answered<T>,
    reply: Reply<T>,
    traffic: Traffic,
    { counts: { mirror } }: Round,
    time: Date,
  ): void {
    const outcome = verdict(exchange, answer, reply, traffic.mirror?.tolerance ?? 0);
    if (outcome === 'failed') mirror.failed++;
    else mirror.compared++;
    if (typeof outcome === 'object') {
      mirror.differing++;
      if (mirror.examples.length < EXAMPLES) mirror.examples.push({ time: time.toISOString(), ...outcome });
    }
    this.metrics.mirrored.inc({ outcome: typeof outcome === 'object' ? 'differing' : outcome });
  }
}

function verdict<T>(
  exchange: Exchange<T>,
  answer: T,
  reply: Reply<T>,
  tolerance: number,
): 'equal' | 'failed' | Omit<Difference, 'time'> {
  if (!reply.ok) return 'failed';
  try {
    return difference(exchange.outputs(answer), exchange.outputs(reply.answer), tolerance) ?? 'equal';
  } catch {
    // An answer of 200 that is none: an older or newer server than this one, or something between the two.
    return 'failed';
  }
}
