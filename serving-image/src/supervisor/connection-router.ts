import type { Socket } from 'node:net';
import { find, type ModelTarget, type Catalog } from '../model/catalog.ts';
import { originForm, route } from '../protocol/route.ts';
import type { PendingConnection, WorkerProcesses } from './worker-processes.ts';
import type { VersionManager } from '../versions/version-manager.ts';
import type { Transport } from '../ipc/messages.ts';
import { peek, requestLine } from './peek.ts';

/** Gives every connection to a worker, or to the fallback server while there is none. */
export class ConnectionRouter {
  constructor(
    private readonly versions: VersionManager,
    private readonly workers: WorkerProcesses,
    private readonly catalog: () => Catalog,
    /** Answers in place of workers. */
    private readonly fallback: Readonly<Record<Transport, (socket: Socket) => void>>,
    /** What clients say can be read only where the handshake was made. */
    private readonly sealed: boolean,
  ) {}

  receive(pending: PendingConnection): void {
    const { transport, socket, head } = pending;
    // Without a listener a reset between accept and hand-over would end this process.
    socket.on('error', () => undefined);
    const serving = this.versions.serving();
    // With one version there is no choice, and nothing is looked at. With several the first line of HTTP/1 tells which one.
    if (serving.length > 1 && transport === 'http' && !head && !this.sealed) {
      return peek(socket, (bytes) => this.#direct({ transport, socket, head: bytes }));
    }
    this.#direct(pending);
  }

  #direct(pending: PendingConnection): void {
    const serving = this.versions.serving();
    const target = serving.length > 1 && pending.head ? targetOf(pending.head) : undefined;
    const finding = target && find(this.catalog(), target);
    const found = finding && 'version' in finding ? finding : undefined;
    const unit = serving.find(
      ({ unit: { name, version } }) => name === found?.model.name && version === found.version.version,
    );
    // What no worker here serves is refused by any of them.
    const workers = unit?.workers ?? serving.flatMap((other) => other.workers);
    if (this.workers.hand(pending, workers)) return;
    const { transport, socket, head } = pending;
    if (head && head.length > 0) socket.unshift(head);
    this.fallback[transport](socket);
  }
}

/** The model that the first request of a connection is for; undefined when it is for none, or is no HTTP/1 request. */
function targetOf(head: Buffer): ModelTarget | undefined {
  const line = requestLine(head);
  if (!line) return undefined;
  try {
    const target = route(line.method, originForm(line.url));
    return 'model' in target ? target : undefined;
  } catch {
    return undefined;
  }
}
