import { connect, type Socket } from 'node:net';
import type { Attack } from './attacks.ts';

const LARGEST_WRITE = 256 * 1024;

export interface Strength {
  connections: number;
  /** Of all connections together. */
  bytesPerSecond: number;
  /** So many are opened in all, where those that are closed come again; without an end when absent. */
  mostOpened?: number;
  /** So many are sent in all; without an end when absent. */
  mostBytes?: number;
}

/** An attack that is under way. */
export class Attacker {
  sent = 0;
  opened = 0;
  readonly #sockets = new Map<Socket, { at: number; done: number }>();
  readonly #timer: NodeJS.Timeout;
  readonly #started: number;

  readonly #begin: Buffer;
  readonly #then: Buffer | undefined;

  constructor(
    private readonly attack: Attack,
    private readonly port: number,
    private readonly strength: Strength,
  ) {
    this.#begin = attack.begin();
    this.#then = attack.then?.();
    // Making the bytes may have taken long.
    this.#started = performance.now();
    this.#timer = setInterval(() => this.#turn(), 5);
  }

  get open(): number {
    return this.#sockets.size;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  /** Bytes a second up to now. */
  get rate(): number {
    return this.sent / this.#seconds;
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** Bytes that it may send by now. */
  get #budget(): number {
    const { bytesPerSecond, mostBytes = Infinity } = this.strength;
    return Math.min(this.#seconds * bytesPerSecond, mostBytes) - this.sent;
  }

  get #mayOpen(): boolean {
    const { connections, mostOpened = Infinity } = this.strength;
    return this.#sockets.size < connections && this.opened < mostOpened && this.#budget > 0;
  }

  #turn(): void {
    // Who was closed comes again.
    for (let i = 0; i < 50 && this.#mayOpen; i++) this.#connect();
    const now = performance.now();
    for (const [socket, use] of this.#sockets) this.#goOn(socket, use, now);
  }

  #connect(): void {
    const socket = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
    const use = { at: 0, done: 0 };
    this.#sockets.set(socket, use);
    this.opened++;
    socket.on('error', () => undefined).on('end', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.attack.deaf) socket.pause();
    else socket.resume();
  }

  #goOn(socket: Socket, use: { at: number; done: number }, now: number): void {
    const { everyMs = 0, leaves } = this.attack;
    const begin = this.#begin;
    const then = this.#then;
    if (socket.connecting || socket.writableLength > 0) return;
    if (use.done < begin.length) {
      const part = begin.subarray(use.done, use.done + Math.min(LARGEST_WRITE, Math.max(0, this.#budget)));
      use.done += part.length;
      this.#write(socket, part);
      if (leaves && use.done === begin.length) socket.resetAndDestroy();
    } else if (then && now - use.at >= everyMs && this.#budget >= then.length) {
      use.at = now;
      this.#write(socket, then);
    }
  }

  #write(socket: Socket, bytes: Buffer): void {
    if (bytes.length > 0) socket.write(bytes);
    this.sent += bytes.length;
  }
}
