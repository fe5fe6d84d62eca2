/** A worker's end of the channel to its supervisor. */
import type { Socket } from 'node:net';

import { RequestError, FatalError } from '../errors.ts';
import type { ModelControl } from '../handlers/model-control.ts';
import type { Exposition, Page } from '../telemetry/exposition.ts';
import type { Logger } from '../telemetry/log.ts';
import type { ToSupervisor, ToWorker } from '../ipc/messages.ts';

type Reply = Extract<ToWorker, { type: 'exposition' | 'ordered' }>;
type ReplyTo<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

/** Calls `then` once the supervisor is sure to hear it, whatever becomes of this process. */
export function send(message: ToSupervisor, { socket, then }: { socket?: Socket; then?: () => void } = {}): void {
  if (process.connected) process.send?.(message, socket, {}, () => then?.());
}

/** Tells the supervisor why, and ends this process. */
export function fail(error: unknown, log: Logger): void {
  const report =
    error instanceof FatalError
      ? { reason: error.reason, message: error.message }
      : {
          reason: 'ServerCrashed' as const,
          message: `the server failed while loading the model: ${(error as Error).message}`,
        };
  log.error({ err: error, reason: report.reason }, 'worker failed');
  if (process.send) process.send({ type: 'failed', report } satisfies ToSupervisor, () => process.exit(1));
  else process.exit(1);
}

/** Counts calls and reports them once a turn of the event loop. */
export function batched(report: (count: number) => void): () => void {
  let count = 0;
  return () => {
    if (count++ > 0) return;
    setImmediate(() => {
      report(count);
      count = 0;
    });
  };
}

/** Questions to the supervisor, and its replies. */
export class Channel {
  readonly #pending = new Map<number, (reply: Reply) => void>();
  #nextRequestId = 1;

  exposition(page: Page): Promise<Exposition> {
    return this.#request<'exposition'>((requestId) => ({ type: 'exposition', requestId, page }));
  }

  /** Passes orders on. */
  modelControl(repository: ModelControl['repository']): ModelControl {
    const order = async (action: 'load' | 'unload', model: string) => {
      const { refused } = await this.#request<'ordered'>((requestId) => ({
        type: 'order',
        requestId,
        action,
        model,
      }));
      if (refused) throw new RequestError(refused.status, refused.message);
    };
    return { load: (model) => order('load', model), unload: (model) => order('unload', model), repository };
  }

  /** To be called with every reply. */
  replied(reply: Reply): void {
    this.#pending.get(reply.requestId)?.(reply);
    this.#pending.delete(reply.requestId);
  }

  #request<Type extends Reply['type']>(question: (requestId: number) => ToSupervisor): Promise<ReplyTo<Type>> {
    return new Promise((resolve) => {
      const requestId = this.#nextRequestId++;
      this.#pending.set(requestId, (reply) => resolve(reply as ReplyTo<Type>));
      send(question(requestId));
    });
  }
}
