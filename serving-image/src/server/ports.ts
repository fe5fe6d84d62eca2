import { once } from 'node:events';
import type { Server } from 'node:net';
import { FatalError } from '../model/types.ts';

/** @throws FatalError BadConfiguration */
export async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError('BadConfiguration', `cannot listen on port ${port}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** 0 while it does not listen. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
