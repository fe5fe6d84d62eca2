import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { Backlog } from './background-queue.ts';
import type { Exchange } from './trial-request.ts';
import type { Round, Told } from './trial-state.ts';

const LIMITS = { running: 2, waiting: 64, bytes: 16 * 1024 * 1024 };

/**
 * Where an answer speaks against one revision, the other one is asked the same, behind the client's back: only what that one does
 * better counts. So a request that no server could answer well speaks against neither, whoever got it.
 */
export class SecondOpinion {
  readonly #backlog = new Backlog(LIMITS);

  /** Settles an answer of this server that has failed or contains a NaN. */
  onOwn<T>(exchange: Exchange<T>, told: NonNullable<Told>, traffic: Traffic, round: Round): void {
    const settle = (shared: boolean) => round.count('own', exchange, { ...told, shared });
    const run = async () => {
      const reply = await round.ask(exchange, traffic, false);
      settle(!reply.ok || reply.nonFinite);
    };
    if (!round.breaker.closed || !this.#backlog.offer({ bytes: exchange.bytes, run })) settle(true);
  }

  /** Settles an answer of the revision on trial that contains a NaN. */
  onTarget<T>(exchange: Exchange<T>, ms: number, round: Round): void {
    const settle = (shared: boolean) => round.count('target', exchange, { ms, nonFinite: true, shared });
    const run = () =>
      exchange.afresh().then(
        ({ nonFinite }) => settle(nonFinite),
        () => settle(true),
      );
    if (!this.#backlog.offer({ bytes: exchange.bytes, run })) settle(true);
  }
}
