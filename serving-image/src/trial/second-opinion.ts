import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { BackgroundQueue } from './background-queue.ts';
import type { TrialRequest } from './trial-request.ts';
import type { TrialState, Told } from './trial-state.ts';

const LIMITS = { running: 2, waiting: 64, bytes: 16 * 1024 * 1024 };

/**
 * Where an answer speaks against one revision, the other one is asked the same, behind the client's back: only what that one does
 * better counts. So a request that no server could answer well speaks against neither, whoever got it.
 */
export class SecondOpinion {
  readonly #backlog = new BackgroundQueue(LIMITS);

  /** Settles an answer of this server that has failed or contains a NaN. */
  onOwn<T>(trialRequest: TrialRequest<T>, told: NonNullable<Told>, traffic: Traffic, state: TrialState): void {
    const settle = (shared: boolean) => state.count('own', trialRequest, { ...told, shared });
    const run = async () => {
      const reply = await state.forward(trialRequest, traffic, false);
      settle(!reply.ok || reply.nonFinite);
    };
    if (!state.breaker.closed || !this.#backlog.offer({ bytes: trialRequest.bytes, run })) settle(true);
  }

  /** Settles an answer of the revision on trial that contains a NaN. */
  onTarget<T>(trialRequest: TrialRequest<T>, ms: number, state: TrialState): void {
    const settle = (shared: boolean) => state.count('target', trialRequest, { ms, nonFinite: true, shared });
    const run = () =>
      trialRequest.afresh().then(
        ({ nonFinite }) => settle(nonFinite),
        () => settle(true),
      );
    if (!this.#backlog.offer({ bytes: trialRequest.bytes, run })) settle(true);
  }
}
