/** Bodies that are compressed, unpacked while what comes out is counted. */
import { createUnzip } from 'node:zlib';
import { badRequest, RequestError, tooLarge, tooMuchPacked, unavailable } from '../errors.ts';
import type { Ticket } from './admission.ts';

/** So many are unpacked at once in one worker; so many others wait as they came. */
const AT_ONCE = 2;
const MOST_WAITING = 64;
/** What is unpacked may at no time be so many times as large as what it came from, beyond a size that is nobody's trouble, in bytes. */
const RATIO = 200;
const UNTROUBLED = 1024 * 1024;
/** Size of the pieces in which it comes out, in bytes. */
const PIECE = 64 * 1024;

let running = 0;
const queue: (() => void)[] = [];

export interface Unpacked {
  chunks: readonly Buffer[];
  length: number;
}

/** @throws RequestError 400, 413, 503 */
export async function unpack(chunks: readonly Buffer[], ticket: Ticket): Promise<Unpacked> {
  if (queue.length >= MOST_WAITING) throw unavailable('too many compressed requests at once; try again later');
  if (running >= AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  else running++;
  try {
    return await unpackNow(chunks, ticket);
  } finally {
    const next = queue.shift();
    if (next) next();
    else running--;
  }
}

async function unpackNow(chunks: readonly Buffer[], ticket: Ticket): Promise<Unpacked> {
  const { bodyBytes } = ticket.limits;
  const unzip = createUnzip({ chunkSize: PIECE });
  for (const chunk of chunks) unzip.write(chunk);
  unzip.end();
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of unzip as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > bodyBytes) throw tooLarge(bodyBytes);
      if (length > UNTROUBLED && length > unzip.bytesWritten * RATIO) throw tooMuchPacked(RATIO);
      const problem = ticket.take(piece.length);
      if (problem) throw problem;
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw badRequest('the request body is not compressed as its Content-Encoding says');
  } finally {
    unzip.destroy();
  }
  return { chunks: pieces, length };
}
