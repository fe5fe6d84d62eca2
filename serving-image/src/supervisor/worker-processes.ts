import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { EngineChoice } from '../model/types.ts';
import { Ledger } from '../telemetry/inflight-file.ts';
import { WORKER_FLAGS, workerEnvironment } from './worker-environment.ts';
import { pick, surplus, type Load } from './least-connections.ts';
import { stopReading } from '../ipc/socket-handoff.ts';
import { TRANSPORTS, type ToSupervisor, type ToWorker, type Transport } from '../ipc/messages.ts';
import type { Snapshot } from '../ipc/snapshot.ts';

/** A connection, and the bytes of it that were read to see where it is to go. */
export interface Arrival {
  transport: Transport;
  socket: Socket;
  head?: Buffer;
}

interface Member {
  child: ChildProcess;
  unit: number;
  /** Sent, not yet taken. */
  waiting: Map<number, Arrival>;
  /** Taken and not yet ended. */
  open: Record<Transport, number>;
  snapshot: Snapshot | undefined;
  ledger: Ledger;
  /** It runs requests that were made up. */
  trying: boolean;
}

/** What was known of a worker when it ended. */
export interface Departure {
  /** How it ended, in words. */
  cause: string;
  /** The last metrics it gave. */
  snapshot: Snapshot | undefined;
  /** Requests it had begun to read and not answered. */
  lostRequests: number;
  /** Connections it had taken and not closed. */
  lostConnections: number;
}

export interface CrewEvents {
  message(id: number, message: ToSupervisor): void;
  exited(id: number, departure: Departure): void;
  /** A connection that another worker can go on with: nothing of it has been read that is not answered. */
  returned(arrival: Arrival): void;
}

export interface CrewFolders {
  scratch: string;
  /** For the sockets at which workers answer each other; undefined where there is one version only. */
  doors: string | undefined;
}

/** How long a worker may take to answer with its metrics before its last ones are used, in milliseconds. */
const SNAPSHOT_MS = 500;

/** The worker processes themselves: starting them, handing them connections, asking them. Decisions are the pool's. */
export class Crew {
  readonly #members = new Map<number, Member>();
  readonly #asks = new Map<number, (snapshot: Snapshot) => void>();
  /** Engines of units, chosen by their first workers: choosing takes seconds, and all should have the same. */
  readonly #choices = new Map<number, EngineChoice>();
  /** Units of which a worker has ended while it tried requests made up for it: the next ones try none. */
  readonly #untried = new Set<number>();
  #nextId = 1;
  #nextAsk = 1;
  #nextConnection = 1;
  #turn = 0;

  constructor(
    private readonly program: string,
    private readonly folders: CrewFolders,
    private readonly events: CrewEvents,
  ) {}

  /** Path of the socket at which a worker answers others. */
  readonly door = (id: number): string =>
    this.folders.doors === undefined ? '' : join(this.folders.doors, String(id));

  spawn({ id: unit, name, version }: { id: number; name: string; version: string }): number {
    const id = this.#nextId++;
    const ledger = Ledger.create(this.folders.scratch);
    const child = fork(this.program, ['worker', this.door(id)], {
      execArgv: [...process.execArgv, ...WORKER_FLAGS],
      env: workerEnvironment({
        ...{ name, version },
        engineChoice: this.#choices.get(unit),
        triesNothing: this.#untried.has(unit),
      }),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ledger.fd],
    });
    const open = { http: 0, grpc: 0 };
    const member: Member = { child, unit, waiting: new Map(), open, snapshot: undefined, ledger, trying: false };
    this.#members.set(id, member);
    child.on('message', (message: ToSupervisor, socket?: Socket) => this.#onMessage(id, member, message, socket));
    // A worker that cannot be started or reached ends, which is told below.
    child.on('error', () => undefined);
    // 'exit' could overtake the last messages, and with them which connections were taken.
    child.on('close', (code, signal) => this.#onClose(id, member, causeOf(code, signal)));
    return id;
  }

  /** Hands a connection to the least busy of `ids`. False when there is none: the caller still owns the socket. */
  hand(arrival: Arrival, ids: readonly number[]): boolean {
    const { transport, socket, head } = arrival;
    const member = this.#members.get(pick(this.#loads(ids, transport), this.#turn++) ?? 0);
    if (!member) return false;
    const connection = this.#nextConnection++;
    member.waiting.set(connection, arrival);
    stopReading(socket);
    // A worker that cannot be reached ends, and what it has not taken is returned then.
    const begun = head && { head: head.toString('base64') };
    const message: ToWorker = { type: 'connection', connection, transport, ...begun };
    member.child.send(message, socket, { keepOpen: true }, () => undefined);
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
      const member = this.#members.get(id);
      if (!member?.child.connected) return [];
      const waiting = [...member.waiting.values()].filter((arrival) => arrival.transport === transport).length;
      return [{ id, waiting, open: member.open[transport] }];
    });
  }

  send(id: number, message: ToWorker): void {
    const child = this.#members.get(id)?.child;
    if (child?.connected) child.send(message, () => undefined);
  }

  broadcast(message: ToWorker): void {
    for (const id of this.#members.keys()) this.send(id, message);
  }

  kill(id: number): void {
    this.#members.get(id)?.child.kill('SIGKILL');
  }

  killAll(): void {
    for (const id of this.#members.keys()) this.kill(id);
  }

  killAllBut(ids: readonly number[]): void {
    for (const id of this.#members.keys()) if (!ids.includes(id)) this.kill(id);
  }

  get size(): number {
    return this.#members.size;
  }

  /** Metrics of every worker; the last known ones of those that are busy. */
  async snapshots(): Promise<Snapshot[]> {
    const all = [...this.#members].map(([id, member]) => this.#ask(id, member));
    return (await Promise.all(all)).filter((snapshot) => snapshot !== undefined);
  }

  #ask(id: number, member: Member): Promise<Snapshot | undefined> {
    if (member.snapshot === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const ask = this.#nextAsk++;
      const finish = (snapshot: Snapshot | undefined) => {
        clearTimeout(timer);
        this.#asks.delete(ask);
        resolve(snapshot);
      };
      const timer = setTimeout(() => finish(member.snapshot), SNAPSHOT_MS);
      this.#asks.set(ask, finish);
      this.send(id, { type: 'snapshot', ask });
    });
  }

  #onMessage(id: number, member: Member, message: ToSupervisor, socket: Socket | undefined): void {
    if (message.type === 'taken') {
      this.#onTaken(member, message.connection);
    } else if (message.type === 'returned') {
      member.open.http--;
      if (socket) this.#onReturned(socket);
    } else if (message.type === 'closed') {
      member.open[message.transport] -= message.count;
    } else if (message.type === 'trying') {
      member.trying = true;
    } else if (message.type === 'ready') {
      member.trying = false;
      this.#choices.set(member.unit, { engine: message.engine, reason: message.reason });
    } else if (message.type === 'snapshot') {
      member.snapshot = message.snapshot;
      this.#asks.get(message.ask)?.(message.snapshot);
    } else if (message.type === 'alive') {
      member.snapshot = message.snapshot;
    }
    this.events.message(id, message);
  }

  #onTaken({ waiting, open }: Member, connection: number): void {
    const arrival = waiting.get(connection);
    if (!arrival) return;
    // Closes the copy here only: the connection lives on in the worker.
    arrival.socket.destroy();
    waiting.delete(connection);
    open[arrival.transport]++;
  }

  #onReturned(socket: Socket): void {
    stopReading(socket);
    this.events.returned({ transport: 'http', socket });
  }

  #onClose(id: number, { unit, waiting, open, snapshot, ledger, trying }: Member, cause: string): void {
    this.#members.delete(id);
    if (trying) this.#untried.add(unit);
    this.events.exited(id, { cause, snapshot, lostRequests: ledger.close(), lostConnections: open.http + open.grpc });
    if (this.folders.doors !== undefined) rmSync(this.door(id), { force: true });
    for (const arrival of waiting.values()) this.events.returned(arrival);
  }
}

/** How a process ended, in words. */
export function causeOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL')
    return 'killed (SIGKILL), as the kernel does when memory runs out; a higher memory limit may help';
  if (signal === 'SIGABRT') return 'aborted (SIGABRT), as TensorFlow does when an internal check fails';
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}
