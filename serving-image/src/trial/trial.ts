/**
 * One worker's part in the trial of a new revision: it forwards a share of the requests there, sends copies, replays, and
 * counts. It judges nothing; that is the operator's. Every protocol comes through `serve`.
 */
import { FORWARDED_HEADER, type Traffic, UNCOUNTED_HEADER } from '@modeldeployment/modelpack/traffic';
import type { Forwarding } from '../telemetry/trial-metrics.ts';
import { choose, namesTarget, Share, type Facts } from './routing.ts';
import type { Answered, Exchange, Sample } from './trial-request.ts';
import { forward, forwardNamed } from './forward.ts';
import { Mirror } from './mirror.ts';
import { Recent } from './recent-requests.ts';
import { replay, Replay } from './replay.ts';
import { Round, type Told } from './trial-state.ts';
import { SecondOpinion } from './second-opinion.ts';
import { telling, type Counts } from './counts.ts';
import { newMark } from './via.ts';

export interface TrialOptions {
  /** Version that this server serves. */
  version: string;
  /** Workers of this server: each replays its part. */
  workers: number;
  /** Whether requests are kept to be replayed: only where there can be a trial. */
  keep: boolean;
  /** Golden and warm-up requests of the model, or zeros. */
  samples: () => Promise<readonly Sample[]>;
  metrics: Forwarding;
}

const RECENT = { count: 32, ofPeer: 8, bytes: 4 * 1024 * 1024 };

export class Trial {
  #traffic: Traffic | undefined;
  #round = new Round(undefined);
  #forwarded = new Share(Math.random);
  #mirrored = new Share(Math.random);
  /** Of this process: see via.ts. */
  readonly mark = newMark();
  readonly #mirror: Mirror;
  readonly #opinions = new SecondOpinion();
  readonly #recent: Recent<Exchange<unknown>> | undefined;
  readonly #replay: Replay;

  constructor(private readonly options: TrialOptions) {
    this.#mirror = new Mirror(options.metrics);
    this.#recent = options.keep ? new Recent(RECENT) : undefined;
    this.#replay = new Replay({
      samples: options.samples,
      recent: () => (this.#recent?.all ?? []).map((exchange) => ({ exchange })),
      seen: () => seen(this.#round.counts),
      send: (sample) => this.#send(sample),
    });
  }

  /** What this worker counted since the present trial began, or without one since the last one ended. */
  get counts(): Counts {
    return this.#round.counts;
  }

  /** Headers by which requests are chosen for the revision on trial, in lower case. */
  get heeded(): string[] {
    return (this.#traffic?.match ?? []).flatMap((match) => ('header' in match ? [match.header.toLowerCase()] : []));
  }

  /** From now on this is what the annotation says. */
  set(traffic: Traffic | undefined): void {
    const { counts, p99 } = this.#round;
    if (traffic?.trial !== counts.trial) this.#round = new Round(traffic?.trial, p99);
    this.#traffic = traffic;
    // What is owed of another weight is forgotten.
    this.#forwarded = new Share(Math.random);
    this.#mirrored = new Share(Math.random);
    this.#replay.set(traffic?.trial, Math.ceil((traffic?.replayBelow ?? 0) / this.options.workers));
  }

  /** Whether a request is for the version on trial: then it is none of this server's business whether it has that version. */
  names(facts: Facts): boolean {
    return this.#traffic !== undefined && namesTarget(facts, this.#traffic, this.options.version);
  }

  /** Answers a request, here or there. @throws what `own` throws; RequestError 503 when only the other one could answer */
  serve<T>(exchange: Exchange<T>): Promise<Answered<T>> {
    const traffic = this.#traffic;
    const round = this.#round;
    if (traffic === undefined) return this.#alone(exchange, round);
    const { version, metrics } = this.options;
    const on = { traffic, round, metrics, opinions: this.#opinions };
    const choice = choose(exchange, traffic, version, this.#forwarded);
    if (choice === 'named') return forwardNamed(exchange, on);
    if (choice === 'forward' || choice === 'matched') {
      if (round.breaker.allows())
        return forward(exchange, on, choice === 'forward' && round.admits('target', exchange));
      round.counts.skipped++;
      metrics.skipped();
    }
    const counted = (choice === 'own' || choice === 'forward') && round.admits('own', exchange);
    if (!counted) return this.#uncounted(exchange, round);
    const copied = choice === 'own' && traffic.mirror && this.#mirrored.take(traffic.mirror.percent, exchange.protocol);
    return this.#compared(exchange, traffic, round, copied === true);
  }

  /** Without a trial, as far as this server knows: on trial itself, it is forwarded requests that others judge. */
  #alone<T>(exchange: Exchange<T>, round: Round): Promise<Answered<T>> {
    const shared = exchange.header(FORWARDED_HEADER) !== undefined;
    const counted = shared
      ? exchange.header(UNCOUNTED_HEADER) === undefined
      : exchange.version === undefined && round.admits('own', exchange);
    if (!counted) return this.#uncounted(exchange, round);
    return round.own(exchange, (told) => {
      if (told) round.count('own', exchange, shared ? { ...told, shared } : told);
      this.#told(exchange, told, round);
    });
  }

  /** As the stable revision: what speaks against it is looked into. */
  async #compared<T>(exchange: Exchange<T>, traffic: Traffic, round: Round, copied: boolean): Promise<Answered<T>> {
    let tookMs = 0;
    const answered = await round.own(exchange, (told) => {
      if (told?.error || told?.nonFinite) this.#opinions.onOwn(exchange.copy(), told, traffic, round);
      else if (told) round.count('own', exchange, told);
      tookMs = told?.ms ?? 0;
      this.#told(exchange, told, round);
    });
    if (copied && round.admits('mirror', exchange))
      this.#mirror.offer(exchange.copy(), answered, tookMs, traffic, round);
    return answered;
  }

  #uncounted<T>(exchange: Exchange<T>, round: Round): Promise<Answered<T>> {
    round.counts.uncounted++;
    return exchange.own();
  }

  #told(exchange: Exchange<unknown>, told: Told, round: Round): void {
    if (!told) round.counts.uncounted++;
    // One that names our version would be refused by any other.
    else if (!told.error && exchange.version === undefined) this.#recent?.offer(exchange, performance.now());
  }

  async #send(sample: Sample): Promise<boolean> {
    const traffic = this.#traffic;
    const round = this.#round;
    if (!traffic || !round.breaker.allows()) return false;
    await replay(sample, traffic, round, this.#mirror);
    this.options.metrics.replayed();
    return true;
  }
}

/** Requests of a trial that say something of the revision on trial. */
const seen = ({ target, mirror }: Counts): number => Math.max(telling(target), mirror.compared + mirror.failed);
