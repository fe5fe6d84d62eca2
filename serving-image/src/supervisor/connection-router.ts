import type { Socket } from 'node:net';
import { find, type Asked, type Catalog } from '../model/catalog.ts';
import { originForm, route } from '../protocol/route.ts';
import type { Arrival, Crew } from './worker-processes.ts';
import type { Fleet } from '../versions/version-manager.ts';
import type { Transport } from '../ipc/messages.ts';
import { peek, requestLine } from './peek.ts';

/** Gives every connection to a worker, or to the stand-in while there is none. */
export class Reception {
  constructor(
    private readonly fleet: Fleet,
    private readonly crew: Crew,
    private readonly catalog: () => Catalog,
    /** Answers in place of workers. */
    private readonly standIn: Readonly<Record<Transport, (socket: Socket) => void>>,
    /** What clients say can be read only where the handshake was made. */
    private readonly sealed: boolean,
  ) {}

  receive(arrival: Arrival): void {
    const { transport, socket, head } = arrival;
    // Without a listener a reset between accept and hand-over would end this process.
    socket.on('error', () => undefined);
    const serving = this.fleet.serving();
    // With one version there is no choice, and nothing is looked at. With several the first line of HTTP/1 tells which one.
    if (serving.length > 1 && transport === 'http' && !head && !this.sealed) {
      return peek(socket, (bytes) => this.#direct({ transport, socket, head: bytes }));
    }
    this.#direct(arrival);
  }

  #direct(arrival: Arrival): void {
    const serving = this.fleet.serving();
    const asked = serving.length > 1 && arrival.head ? askedOf(arrival.head) : undefined;
    const finding = asked && find(this.catalog(), asked);
    const found = finding && 'version' in finding ? finding : undefined;
    const unit = serving.find(
      ({ unit: { name, version } }) => name === found?.model.name && version === found.version.version,
    );
    // What no worker here serves is refused by any of them.
    const workers = unit?.workers ?? serving.flatMap((other) => other.workers);
    if (this.crew.hand(arrival, workers)) return;
    const { transport, socket, head } = arrival;
    if (head && head.length > 0) socket.unshift(head);
    this.standIn[transport](socket);
  }
}

/** The model that the first request of a connection is for; undefined when it is for none, or is no HTTP/1 request. */
function askedOf(head: Buffer): Asked | undefined {
  const line = requestLine(head);
  if (!line) return undefined;
  try {
    const asked = route(line.method, originForm(line.url));
    return 'model' in asked ? asked : undefined;
  } catch {
    return undefined;
  }
}
