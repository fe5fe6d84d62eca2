import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { workerEnvironment } from '../config.ts';
import { pick } from './dispatch.ts';
import type { ToSupervisor, ToWorker } from './messages.ts';
import type { Snapshot } from './snapshot.ts';

interface Member {
  child: ChildProcess;
  waiting: number;
  open: number;
  snapshot: Snapshot | undefined;
}

export interface CrewEvents {
  message(id: number, message: ToSupervisor): void;
  /** `cause` says how in words; `snapshot` is the last the worker gave. */
  exited(id: number, cause: string, snapshot: Snapshot | undefined): void;
}

/** How long a worker may take to answer with its metrics before its last ones are used, in milliseconds. */
const SNAPSHOT_MS = 500;

/** The worker processes themselves: starting them, handing them connections, asking them. Decisions are the pool's. */
export class Crew {
  readonly #members = new Map<number, Member>();
  readonly #asks = new Map<number, (snapshot: Snapshot) => void>();
  #nextId = 1;
  #nextAsk = 1;
  #turn = 0;

  constructor(
    private readonly program: string,
    private readonly events: CrewEvents,
  ) {}

  spawn(): number {
    const id = this.#nextId++;
    const child = fork(this.program, ['worker'], { env: workerEnvironment(), stdio: 'inherit' });
    const member: Member = { child, waiting: 0, open: 0, snapshot: undefined };
    this.#members.set(id, member);
    child.on('message', (message: ToSupervisor) => this.#onMessage(id, member, message));
    // A worker that cannot be started or reached ends, which is told below.
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      this.#members.delete(id);
      this.events.exited(id, causeOf(code, signal), member.snapshot);
    });
    return id;
  }

  /** Hands a connection to the least busy of `ids`. False when there is none: the caller still owns the socket. */
  hand(socket: Socket, ids: readonly number[]): boolean {
    const loads = ids.flatMap((id) => {
      const member = this.#members.get(id);
      return member?.child.connected ? [{ id, waiting: member.waiting, open: member.open }] : [];
    });
    const member = this.#members.get(pick(loads, this.#turn++) ?? 0);
    if (!member) return false;
    member.waiting++;
    member.child.send({ type: 'connection' } satisfies ToWorker, socket, (error) => {
      if (error) socket.destroy();
    });
    return true;
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

  #onMessage(id: number, member: Member, message: ToSupervisor): void {
    if (message.type === 'connections') {
      member.waiting -= message.taken;
      member.open += message.taken - message.closed;
    } else if (message.type === 'snapshot') {
      member.snapshot = message.snapshot;
      this.#asks.get(message.ask)?.(message.snapshot);
    } else if (message.type === 'alive') {
      member.snapshot = message.snapshot;
    }
    this.events.message(id, message);
  }
}

/** How a process ended, in words. */
export function causeOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL')
    return 'killed (SIGKILL), as the kernel does when memory runs out; a higher memory limit may help';
  if (signal === 'SIGABRT') return 'aborted (SIGABRT), as TensorFlow does when an internal check fails';
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}
