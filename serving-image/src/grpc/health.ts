/** The standard health service: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { notFound, quote } from '../errors.ts';
import type { Method } from './rest-bridge.ts';

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const STATUS = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;

type Watch = ServerWritableStream<Buffer, object>;

/** Health of the server as a whole, whose name is empty, and of each service: all are alike. */
export class Health {
  /** And what each asks for. */
  readonly #watches = new Map<Watch, string>();
  #ending = false;

  constructor(
    private readonly services: readonly string[],
    private readonly draining: () => boolean,
    /** @throws RequestError */
    private readonly watched: (call: Watch) => { service: string },
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
      const { service } = this.watched(call);
      call.write({ status: this.#statusOf(service) });
      if (this.#ending) return void call.end();
      this.#watches.set(call, service);
      call.once('cancelled', () => this.#watches.delete(call));
    },
  };

  /** To be called when the server begins to drain. */
  changed(): void {
    for (const [call, service] of this.#watches) call.write({ status: this.#statusOf(service) });
  }

  end(): void {
    this.#ending = true;
    for (const call of this.#watches.keys()) call.end();
  }

  #statusOf(service: string): number {
    if (service !== '' && !this.services.includes(service)) return STATUS.SERVICE_UNKNOWN;
    return this.draining() ? STATUS.NOT_SERVING : STATUS.SERVING;
  }
}
