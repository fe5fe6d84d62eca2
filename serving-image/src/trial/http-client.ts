/** Asks the server on trial over HTTP/1.1. */
import type { Socket } from 'node:net';
import type { FallbackCause } from '@modeldeployment/modelpack/traffic';
import { passedBack, type PassedHeaders } from '../protocol/passed-headers.ts';
import { ask, SharedConnections, whenAnswered } from '../upstream.ts';

export interface HttpRequest {
  path: string;
  headers: PassedHeaders;
  chunks: readonly Uint8Array[];
  /** Of all chunks, in bytes. */
  length: number;
}

export interface HttpAnswer {
  status: number;
  /** Without those that concern only the connection to the server on trial. */
  headers: Record<string, string | string[]>;
  body: Buffer;
}

/**
 * How long a connection may lie idle, in milliseconds: less than the server keeps it, so that it never closes first. Node's agent
 * takes what the server says instead where that is less.
 */
const IDLE_MS = 15_000;
/**
 * How long a connection is used, in milliseconds. A Service picks a pod for each connection, so this is how long a new pod
 * on trial may wait for its share.
 */
const AGE_MS = 30_000;
/**
 * Longest head that is sent, in bytes, ours included. A server accepts 16 KiB: with room to spare no client can make a request that
 * is taken here and refused there.
 */
const LONGEST_HEAD = 12 * 1024;
/** Longest answer that is read, in bytes. */
const LONGEST_ANSWER = 1024 * 1024 * 1024;

class Pool extends SharedConnections {
  readonly #born = new WeakMap<Socket, number>();

  override keepSocketAlive(socket: Socket): boolean {
    const now = performance.now();
    const born = this.#born.get(socket);
    if (born === undefined) this.#born.set(socket, now);
    else if (now - born > AGE_MS) return false;
    return super.keepSocketAlive(socket);
  }
}

const pool = new Pool({ maxSockets: 512, maxFreeSockets: 64, timeout: IDLE_MS, scheduling: 'lifo' });

/**
 * The whole answer, whatever its status, or why there is none. Never rejects.
 * @param to `host` or `host:port`
 */
export function postHttp(
  to: string,
  { path, headers, chunks, length }: HttpRequest,
  extra: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<HttpAnswer | FallbackCause | 'unsent'> {
  const [host, port] = to.split(':');
  if (sizeOf(path, { ...headers.fields, ...extra }) > LONGEST_HEAD) return Promise.resolve('unsent');
  return new Promise<HttpAnswer | FallbackCause | 'unsent'>((resolve) => {
    const finish = (result: HttpAnswer | FallbackCause | 'unsent'): void => {
      clearTimeout(timer);
      resolve(result);
    };
    const outgoing = ask({
      connections: pool,
      to: { host: host ?? '', port: Number(port ?? 80) },
      method: 'POST',
      path,
      headers,
      own: extra,
      length,
    });
    outgoing.once('response', (incoming) => {
      const received: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        received.push(chunk);
        if (size > LONGEST_ANSWER) outgoing.destroy();
      });
      incoming.on('error', () => finish('reset'));
      whenAnswered(outgoing, incoming, () => {
        const [only] = received;
        const body = received.length === 1 && only ? only : Buffer.concat(received, size);
        finish({ status: incoming.statusCode ?? 0, headers: passedBack(incoming.headers), body });
      });
    });
    const timer = setTimeout(() => {
      // Without a connection it has only waited for others.
      finish(outgoing.socket ? 'timeout' : 'unsent');
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => finish(causeOf(error.code)));
    for (const chunk of chunks) outgoing.write(chunk);
    outgoing.end();
    // What node refuses to send, such as a path with a character it does not like, is still ours to answer.
  }).catch(() => 'unsent');
}

/** Of a head, in bytes: headers are of Latin letters, and so is a path. */
const sizeOf = (path: string, headers: Readonly<Record<string, string>>): number =>
  Object.entries(headers).reduce(
    (size, [name, value]) => size + name.length + value.length + ': \r\n'.length,
    path.length,
  );

const UNREACHABLE = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT']);

function causeOf(code: string | undefined): FallbackCause {
  if (code === 'ECONNREFUSED') return 'refused';
  return UNREACHABLE.has(code ?? '') ? 'unreachable' : 'reset';
}
