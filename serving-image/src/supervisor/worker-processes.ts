import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { EngineChoice } from '../model/types.ts';
import { InflightFile } from '../telemetry/inflight-file.ts';
import { WORKER_FLAGS, workerEnvironment } from './worker-environment.ts';
import { pick, surplus, type Load } from './least-connections.ts';
import { stopReading } from '../ipc/socket-handoff.ts';
import { TRANSPORTS, type ToSupervisor, type ToWorker, type Transport } from '../ipc/messages.ts';
import type { Snapshot } from '../ipc/snapshot.ts';

/** A connection, and the bytes of it that were read to see where it is to go. */
export interface PendingConnection {
  transport: Transport;
  socket: Socket;
  head?: Buffer;
}

interface WorkerHandle {
  child: ChildProcess;
  unit: number;
  /** Sent, not yet taken. */
  waiting: Map<number, PendingConnection>;
  /** Taken and not yet ended. */
  open: Record<Transport, number>;
  snapshot: Snapshot | undefined;
  inflight: InflightFile;
  /** It runs requests that were made up. */
  trying: boolean;
}

/** What was known of a worker when it ended. */
export interface WorkerExit {
  /** How it ended, in words. */
  cause: string;
  /** The last metrics it gave. */
  snapshot: Snapshot | undefined;
  /** Requests it had begun to read and not answered. */
  lostRequests: number;
  /** Connections it had taken and not closed. */
  lostConnections: number;
}

export interface WorkerEvents {
  message(id: number, message: ToSupervisor): void;
  exited(id: number, exit: WorkerExit): void;
  /** A connection that another worker can go on with: nothing of it has been read that is not answered. */
  returned(pending: PendingConnection): void;
}

export interface WorkerFolders {
  temp: string;
  /** For the sockets at which workers answer each other; undefined where there is one version only. */
  sockets: string | undefined;
}

/** How long a worker may take to answer with its metrics before its last ones are used, in milliseconds. */
const SNAPSHOT_MS = 500;

/** The worker processes themselves: starting them, handing them connections, asking them. Decisions are the pool's. */
export class WorkerProcesses {
  readonly #workers = new Map<number, WorkerHandle>();
  readonly #pending = new Map<number, (snapshot: Snapshot) => void>();
  /** Engines of units, chosen by their first workers: choosing takes seconds, and all should have the same. */
  readonly #choices = new Map<number, EngineChoice>();
  /** Units of which a worker has ended while it tried requests made up for it: the next ones try none. */
  readonly #untried = new Set<number>();
  #nextId = 1;
  #nextRequestId = 1;
  #nextConnection = 1;
  #turn = 0;

  constructor(
    private readonly program: string,
    private readonly folders: WorkerFolders,
    private readonly events: WorkerEvents,
  ) {}

  /** Path of the socket at which a worker answers others. */
  readonly socket = (id: number): string =>
    this.folders.sockets === undefined ? '' : join(this.folders.sockets, String(id));

  spawn({ id: unit, name, version }: { id: number; name: string; version: string }): number {
    const id = this.#nextId++;
    const inflight = InflightFile.create(this.folders.temp);
    const child = fork(this.program, ['worker', this.socket(id)], {
      execArgv: [...process.execArgv, ...WORKER_FLAGS],
      env: workerEnvironment({
        ...{ name, version },
        engineChoice: this.#choices.get(unit),
        triesNothing: this.#untried.has(unit),
      }),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', inflight.fd],
    });
    const open = { http: 0, grpc: 0 };
    const worker: WorkerHandle = {
      child,
      unit,
      waiting: new Map(),
      open,
      snapshot: undefined,
      inflight,
      trying: false,
    };
    this.#workers.set(id, worker);
    child.on('message', (message: ToSupervisor, socket?: Socket) => this.#onMessage(id, worker, message, socket));
    // A worker that cannot be started or reached ends, which is told below.
    child.on('error', () => undefined);
    // 'exit' could overtake the last messages, and with them which connections were taken.
    child.on('close', (code, signal) => this.#onClose(id, worker, causeOf(code, signal)));
    return id;
  }

  /** Hands a connection to the least busy of `ids`. False when there is none: the caller still owns the socket. */
  hand(pending: PendingConnection, ids: readonly number[]): boolean {
    const { transport, socket, head } = pending;
    const worker = this.#workers.get(pick(this.#loads(ids, transport), this.#turn++) ?? 0);
    if (!worker) return false;
    const connection = this.#nextConnection++;
    worker.waiting.set(connection, pending);
    stopReading(socket);
    // A worker that cannot be reached ends, and what it has not taken is returned then.
    const begun = head && { head: head.toString('base64') };
    const message: ToWorker = { type: 'connection', connection, transport, ...begun };
    worker.child.send(message, socket, { keepOpen: true }, () => undefined);
    return true;
  }

  /** Has those of `ids` that hold more than their share of the connections give the rest back. */
  balance(ids: readonly number[]): void {
    for (const transport of TRANSPORTS)
      for (const { id, count } of surplus(this.#loads(ids, transport)))
        this.send(id, { type: 'giveBack', transport, count });
  }

  #loads(ids: readonly number[], transport: Transport): Load[] {
    return ids.flatMap((id) => {
      const worker = this.#workers.get(id);
      if (!worker?.child.connected) return [];
      const waiting = [...worker.waiting.values()].filter((pending) => pending.transport === transport).length;
      return [{ id, waiting, open: worker.open[transport] }];
    });
  }

  send(id: number, message: ToWorker): void {
    const child = this.#workers.get(id)?.child;
    if (child?.connected) child.send(message, () => undefined);
  }

  broadcast(message: ToWorker): void {
    for (const id of this.#workers.keys()) this.send(id, message);
  }

  kill(id: number): void {
    this.#workers.get(id)?.child.kill('SIGKILL');
  }

  killAll(): void {
    for (const id of this.#workers.keys()) this.kill(id);
  }

  killAllBut(ids: readonly number[]): void {
    for (const id of this.#workers.keys()) if (!ids.includes(id)) this.kill(id);
  }

  get size(): number {
    return this.#workers.size;
  }

  /** Metrics of every worker; the last known ones of those that are busy. */
  async snapshots(): Promise<Snapshot[]> {
    const all = [...this.#workers].map(([id, worker]) => this.#requestSnapshot(id, worker));
    return (await Promise.all(all)).filter((snapshot) => snapshot !== undefined);
  }

  #requestSnapshot(id: number, worker: WorkerHandle): Promise<Snapshot | undefined> {
    if (worker.snapshot === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const requestId = this.#nextRequestId++;
      const finish = (snapshot: Snapshot | undefined) => {
        clearTimeout(timer);
        this.#pending.delete(requestId);
        resolve(snapshot);
      };
      const timer = setTimeout(() => finish(worker.snapshot), SNAPSHOT_MS);
      this.#pending.set(requestId, finish);
      this.send(id, { type: 'snapshot', requestId });
    });
  }

  #onMessage(id: number, worker: WorkerHandle, message: ToSupervisor, socket: Socket | undefined): void {
    if (message.type === 'taken') {
      this.#onTaken(worker, message.connection);
    } else if (message.type === 'returned') {
      worker.open.http--;
      if (socket) this.#onReturned(socket);
    } else if (message.type === 'closed') {
      worker.open[message.transport] -= message.count;
    } else if (message.type === 'trying') {
      worker.trying = true;
    } else if (message.type === 'ready') {
      worker.trying = false;
      this.#choices.set(worker.unit, { engine: message.engine, reason: message.reason });
    } else if (message.type === 'snapshot') {
      worker.snapshot = message.snapshot;
      this.#pending.get(message.requestId)?.(message.snapshot);
    } else if (message.type === 'alive') {
      worker.snapshot = message.snapshot;
    }
    this.events.message(id, message);
  }

  #onTaken({ waiting, open }: WorkerHandle, connection: number): void {
    const pending = waiting.get(connection);
    if (!pending) return;
    // Closes the copy here only: the connection lives on in the worker.
    pending.socket.destroy();
    waiting.delete(connection);
    open[pending.transport]++;
  }

  #onReturned(socket: Socket): void {
    stopReading(socket);
    this.events.returned({ transport: 'http', socket });
  }

  #onClose(id: number, { unit, waiting, open, snapshot, inflight, trying }: WorkerHandle, cause: string): void {
    this.#workers.delete(id);
    if (trying) this.#untried.add(unit);
    this.events.exited(id, { cause, snapshot, lostRequests: inflight.close(), lostConnections: open.http + open.grpc });
    if (this.folders.sockets !== undefined) rmSync(this.socket(id), { force: true });
    for (const pending of waiting.values()) this.events.returned(pending);
  }
}

/** How a process ended, in words. */
export function causeOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL')
    return 'killed (SIGKILL), as the kernel does when memory runs out; a higher memory limit may help';
  if (signal === 'SIGABRT') return 'aborted (SIGABRT), as TensorFlow does when an internal check fails';
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}
