/**
 * One worker's part in the trial of a new revision: it forwards a share of the requests there, sends copies, replays, and
 * counts. It judges nothing; that is the operator's. Every protocol comes through `serve`.
 */
import { FORWARDED_HEADER, type Traffic, UNCOUNTED_HEADER } from '@modeldeployment/modelpack/traffic';
import type { Forwarding } from '../telemetry/trial-metrics.ts';
import { choose, namesTarget, Share, type Facts } from './routing.ts';
import type { Answered, TrialRequest, Sample } from './trial-request.ts';
import { forward, forwardNamed } from './forward.ts';
import { Mirror } from './mirror.ts';
import { RecentRequests } from './recent-requests.ts';
import { replay, Replay } from './replay.ts';
import { TrialState, type Told } from './trial-state.ts';
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
  #state = new TrialState(undefined);
  #forwarded = new Share(Math.random);
  #mirrored = new Share(Math.random);
  /** Of this process: see via.ts. */
  readonly mark = newMark();
  readonly #mirror: Mirror;
  readonly #opinions = new SecondOpinion();
  readonly #recent: RecentRequests<TrialRequest<unknown>> | undefined;
  readonly #replay: Replay;

  constructor(private readonly options: TrialOptions) {
    this.#mirror = new Mirror(options.metrics);
    this.#recent = options.keep ? new RecentRequests(RECENT) : undefined;
    this.#replay = new Replay({
      samples: options.samples,
      recent: () => (this.#recent?.all ?? []).map((trialRequest) => ({ trialRequest })),
      seen: () => seen(this.#state.counts),
      send: (sample) => this.#send(sample),
    });
  }

  /** What this worker counted since the present trial began, or without one since the last one ended. */
  get counts(): Counts {
    return this.#state.counts;
  }

  /** Headers by which requests are chosen for the revision on trial, in lower case. */
  get heeded(): string[] {
    return (this.#traffic?.match ?? []).flatMap((match) => ('header' in match ? [match.header.toLowerCase()] : []));
  }

  /** From now on this is what the annotation says. */
  set(traffic: Traffic | undefined): void {
    const { counts, p99 } = this.#state;
    if (traffic?.trial !== counts.trial) this.#state = new TrialState(traffic?.trial, p99);
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
  serve<T>(trialRequest: TrialRequest<T>): Promise<Answered<T>> {
    const traffic = this.#traffic;
    const state = this.#state;
    if (traffic === undefined) return this.#alone(trialRequest, state);
    const { version, metrics } = this.options;
    const on = { traffic, state, metrics, opinions: this.#opinions };
    const choice = choose(trialRequest, traffic, version, this.#forwarded);
    if (choice === 'named') return forwardNamed(trialRequest, on);
    if (choice === 'forward' || choice === 'matched') {
      if (state.breaker.allows())
        return forward(trialRequest, on, choice === 'forward' && state.admits('target', trialRequest));
      state.counts.skipped++;
      metrics.skipped();
    }
    const counted = (choice === 'own' || choice === 'forward') && state.admits('own', trialRequest);
    if (!counted) return this.#uncounted(trialRequest, state);
    const copied =
      choice === 'own' && traffic.mirror && this.#mirrored.take(traffic.mirror.percent, trialRequest.protocol);
    return this.#compared(trialRequest, traffic, state, copied === true);
  }

  /** Without a trial, as far as this server knows: on trial itself, it is forwarded requests that others judge. */
  #alone<T>(trialRequest: TrialRequest<T>, state: TrialState): Promise<Answered<T>> {
    const shared = trialRequest.header(FORWARDED_HEADER) !== undefined;
    const counted = shared
      ? trialRequest.header(UNCOUNTED_HEADER) === undefined
      : trialRequest.version === undefined && state.admits('own', trialRequest);
    if (!counted) return this.#uncounted(trialRequest, state);
    return state.own(trialRequest, (told) => {
      if (told) state.count('own', trialRequest, shared ? { ...told, shared } : told);
      this.#told(trialRequest, told, state);
    });
  }

  /** As the stable revision: what speaks against it is looked into. */
  async #compared<T>(
    trialRequest: TrialRequest<T>,
    traffic: Traffic,
    state: TrialState,
    copied: boolean,
  ): Promise<Answered<T>> {
    let tookMs = 0;
    const answered = await state.own(trialRequest, (told) => {
      if (told?.error || told?.nonFinite) this.#opinions.onOwn(trialRequest.copy(), told, traffic, state);
      else if (told) state.count('own', trialRequest, told);
      tookMs = told?.ms ?? 0;
      this.#told(trialRequest, told, state);
    });
    if (copied && state.admits('mirror', trialRequest))
      this.#mirror.offer(trialRequest.copy(), answered, tookMs, traffic, state);
    return answered;
  }

  #uncounted<T>(trialRequest: TrialRequest<T>, state: TrialState): Promise<Answered<T>> {
    state.counts.uncounted++;
    return trialRequest.own();
  }

  #told(trialRequest: TrialRequest<unknown>, told: Told, state: TrialState): void {
    if (!told) state.counts.uncounted++;
    // One that names our version would be refused by any other.
    else if (!told.error && trialRequest.version === undefined) this.#recent?.offer(trialRequest, performance.now());
  }

  async #send(sample: Sample): Promise<boolean> {
    const traffic = this.#traffic;
    const state = this.#state;
    if (!traffic || !state.breaker.allows()) return false;
    await replay(sample, traffic, state, this.#mirror);
    this.options.metrics.replayed();
    return true;
  }
}

/** Requests of a trial that say something of the revision on trial. */
const seen = ({ target, mirror }: Counts): number => Math.max(telling(target), mirror.compared + mirror.failed);
