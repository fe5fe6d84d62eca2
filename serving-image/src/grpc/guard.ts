/**
 * Stands before all calls: asks for the token before a message is read, counts bytes while they arrive, while they are unpacked and
 * until their answer is read. What that needs to know of the library's insides is all here; calls.server.test.ts notices when
 * they change.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { ServerInterceptingCall, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { unpack } from '../handlers/unpack.ts';
import { tooLarge, tooManyCalls, type RequestError } from '../errors.ts';
import type { Admission } from '../handlers/admission.ts';
import type { Logger } from '../telemetry/log.ts';
import { statusOf } from './status.ts';

export interface GuardSettings {
  admission: Admission;
  /** Rejects when the client may not ask. */
  authorize: (headers: IncomingHttpHeaders, protocol: string) => Promise<void>;
  log: Logger;
}

interface Insides {
  stream: ServerHttp2Stream;
  decoder: { readState: number; readMessageSize: number; readMessageRemaining: number };
  decompressMessage(message: Buffer, encoding: string): Buffer | Promise<Buffer>;
}

/** Bytes before each message: whether it is compressed, and its length. */
const PREFIX = 5;
/** Largest message to a method that needs no token, in bytes. */
const LARGEST_OPEN = 64 * 1024;
/** Calls that may be open in a worker, as a multiple of the requests it may have in hand: streams may be silent for long. */
const OPEN_CALLS = 4;

/** Methods that ask how the server is, or what it speaks. */
const OPEN = /^\/(?:grpc\.(?:health|reflection)\.|inference\.GRPCInferenceService\/Server(?:Live|Ready)$)/;

/** Metadata as headers of HTTP; those in binary are left out. */
export function headersOf(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata.getMap())) if (typeof value === 'string') headers[name] = value;
  return headers;
}

export function guard({ admission, authorize, log }: GuardSettings): ServerInterceptor {
  const { limits } = admission;
  const mostCalls = limits.requests * OPEN_CALLS;
  let openCalls = 0;
  return ({ path, requestStream }, call) => {
    const inner = call as unknown as Insides;
    const { stream, decoder } = inner;
    const open = OPEN.test(path);
    const ticket = admission.enter();
    let arrived = 0;
    let sent = 0;
    openCalls++;
    stream.once('close', () => {
      openCalls--;
      ticket.leave();
    });
    const refuse = (problem: unknown) => {
      ticket.leave();
      call.sendStatus({ ...statusOf(problem, log), metadata: null });
    };
    const drop = (problem: RequestError) => {
      refuse(problem);
      // An answer that nobody reads, or a message that does not come, would stay.
      stream.close();
    };
    const partial = () =>
      decoder.readState === 0 ? 0 : PREFIX + decoder.readMessageSize - decoder.readMessageRemaining;
    const waitForMessage = () => {
      const before = arrived;
      ticket.wait(drop, () => arrived - before);
    };
    inner.decompressMessage = (message, encoding) => {
      const content = message.subarray(PREFIX);
      if (message[0] !== 1 || encoding === 'identity') return content;
      return unpack([content], ticket).then(
        ({ chunks, length }) => Buffer.concat(chunks, length),
        (error: unknown) => Promise.reject(asStatus(error)),
      );
    };
    const asStatus = (error: unknown) => Object.assign(new Error(), { ...statusOf(error, log), metadata: null });
    stream.on('data', (chunk: Buffer) => {
      if (stream.closed) return;
      arrived += chunk.length;
      const pieces = ticket.piece(chunk.length);
      if (pieces) return drop(pieces);
      const problem = open && arrived > LARGEST_OPEN ? tooLarge(LARGEST_OPEN) : ticket.take(chunk.length);
      if (problem) return refuse(problem);
      if (decoder.readState === 0) {
        ticket.waited();
        ticket.another();
      } else if (!ticket.waiting) waitForMessage();
    });
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, received) => {
            if (openCalls > mostCalls) return refuse(tooManyCalls(mostCalls));
            const begin = () => {
              // A stream may be silent for as long as its client likes.
              if (!requestStream) waitForMessage();
              received(metadata);
            };
            if (open) return begin();
            const protocol = path.startsWith('/inference.') ? 'v2-grpc' : 'v1-grpc';
            authorize(headersOf(metadata), protocol).then(begin, refuse);
          },
          onReceiveMessage: (message, received) => {
            // From now on it is counted as REST's bodies are.
            ticket.keep(partial());
            received(message);
          },
        });
      },
      sendMessage: (message, send) => {
        send(message);
        if (!stream.writableNeedDrain) return;
        const unread = stream.bufferSize;
        sent += unread;
        ticket.wait(drop, () => sent - stream.bufferSize);
        if (ticket.take(unread)) return stream.close();
        stream.once('drain', () => {
          ticket.waited();
          ticket.keep(partial());
        });
      },
    });
  };
}
