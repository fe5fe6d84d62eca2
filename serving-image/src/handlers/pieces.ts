/**
 * Counts the pieces of chunked bodies where the parser tells of them: 'data' may come much later, when thousands have been parsed
 * that one packet had.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestError } from '../errors.ts';
import { stopParsing } from '../ipc/socket-handoff.ts';
import type { Admission } from './admission.ts';

interface Count {
  problem: RequestError | undefined;
  tell: (problem: RequestError) => void;
}

const counts = new WeakMap<IncomingMessage, Count>();

/** To be called with every request, before anything else is done with it. Of one with too many pieces the rest is not parsed. */
export function countPieces(request: IncomingMessage, admission: Admission): void {
  if (request.headers['transfer-encoding'] === undefined) return;
  const count: Count = { problem: undefined, tell: () => undefined };
  counts.set(request, count);
  const ticket = admission.enter();
  const push = request.push.bind(request);
  request.push = (piece: Buffer | null) => {
    if (piece !== null && !count.problem) {
      count.problem = ticket.piece(piece.length);
      if (count.problem) {
        stopParsing(request.socket);
        count.tell(count.problem);
      }
    }
    return push(piece);
  };
}

/** Calls back once there are too many, at once where that is so already; whoever has asked before is not told any more. */
export function whenTooManyPieces(request: IncomingMessage, tell: (problem: RequestError) => void): void {
  const count = counts.get(request);
  if (!count) return;
  count.tell = tell;
  if (count.problem) tell(count.problem);
}
