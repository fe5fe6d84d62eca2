/** Clients that keep sending, each on a connection of its own. Test code only. */
import { Agent, request as httpRequest } from 'node:http';

/** What one request came to: a status, or the code of a network error; of a connection that had served before, with `USED`. */
export type Outcome = number | string;
export const USED = ' on a used connection';

const PATIENCE_MS = 15_000;

export interface Client {
  answered: number;
  /** Everything but 200. */
  failures: Outcome[];
  /** Ports the client's connections had here: how many there are tells how often it had to connect anew. */
  ports: Set<number>;
}

export class Clients {
  readonly all: Client[];
  readonly #done: Promise<unknown>;
  #stopped = false;

  /** `next` gives path and body of each request in turn. */
  constructor(
    count: number,
    base: string,
    next: (turn: number) => { path: string; body: unknown },
    /** Whether a client gives up after this. */
    last: (outcome: Outcome) => boolean = () => false,
  ) {
    this.all = Array.from({ length: count }, () => ({ answered: 0, failures: [], ports: new Set() }));
    this.#done = Promise.all(
      this.all.map(async (client, i) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        for (let turn = i; !this.#stopped; turn++) {
          const { path, body } = next(turn);
          const outcome = await send(agent, base + path, JSON.stringify(body), client.ports);
          if (outcome === 200) client.answered++;
          else client.failures.push(outcome);
          if (last(outcome)) break;
        }
        agent.destroy();
      }),
    );
  }

  get answered(): number {
    return this.all.reduce((sum, client) => sum + client.answered, 0);
  }

  get failures(): Outcome[] {
    return this.all.flatMap((client) => client.failures);
  }

  /** Resolves when so many more requests are answered. */
  async more(count: number): Promise<void> {
    const target = this.answered + count;
    const deadline = performance.now() + PATIENCE_MS;
    while (this.answered < target) {
      if (performance.now() > deadline)
        throw new Error(`${this.answered} answered, waiting for ${target}; failures: ${this.failures.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Lets every request that is under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Resolves when every client has stopped by itself. */
  async ended(): Promise<void> {
    await this.#done;
  }
}

function send(agent: Agent, url: string, body: string, ports: Set<number>): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const request = httpRequest(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    request.on('socket', (socket) => {
      if (socket.localPort !== undefined) ports.add(socket.localPort);
      else socket.once('connect', () => ports.add(socket.localPort ?? 0));
    });
    request.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(`${code ?? message}${request.reusedSocket ? USED : ''}`),
    );
    request.end(body);
  });
}
