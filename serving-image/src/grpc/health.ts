/** The standard health service: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { notFound, quote } from '../protocol/errors.ts';
import type { Method } from './asking.ts';

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const STATUS = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;

type Watch = ServerWritableStream<{ service: string }, object>;

/** Health of the server as a whole, whose name is empty, and of each service: all are alike. */
export class Health {
  readonly #watches = new Set<Watch>();
  #ending = false;

  constructor(
    private readonly services: readonly string[],
    private readonly draining: () => boolean,
  ) {}

  readonly methods: Readonly<Record<string, Method>> = {
    Check: (request) => {
      const { service } = request as { service: string };
      const status = this.#statusOf(service);
      if (status === STATUS.SERVICE_UNKNOWN) throw notFound(`there is no service ${quote(service)} here`);
      return { status };
    },
    List: () => ({
      statuses: Object.fromEntries(['', ...this.services].map((name) => [name, { status: this.#statusOf(name) }])),
    }),
  };

  readonly streams: UntypedServiceImplementation = {
    Watch: (call: Watch) => {
      call.write({ status: this.#statusOf(call.request.service) });
      if (this.#ending) return void call.end();
      this.#watches.add(call);
      call.once('cancelled', () => this.#watches.delete(call));
    },
  };

  /** To be called when the server begins to drain. */
  changed(): void {
    for (const call of this.#watches) call.write({ status: this.#statusOf(call.request.service) });
  }

  end(): void {
    this.#ending = true;
    for (const call of this.#watches) call.end();
  }

  #statusOf(service: string): number {
    if (service !== '' && !this.services.includes(service)) return STATUS.SERVICE_UNKNOWN;
    return this.draining() ? STATUS.NOT_SERVING : STATUS.SERVING;
  }
}
