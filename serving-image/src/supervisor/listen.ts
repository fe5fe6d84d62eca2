import { once } from 'node:events';
import type { Server } from 'node:net';
import { FatalError } from '../errors.ts';

/** What a machine without IPv6 says of an address of it. */
const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);
/** All addresses: of IPv6, and with it of IPv4; else of IPv4. */
const ALL = '::';
const ALL_IPV4 = '0.0.0.0';

/** @param host absent: all addresses that there are @throws FatalError BadConfiguration */
export async function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  try {
    await listenOn(server, port, host ?? ALL);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (host === undefined && NO_IPV6.has(code)) return listen(server, port, ALL_IPV4);
    throw new FatalError('BadConfiguration', `cannot listen on port ${port}: ${message}`, { cause: error });
  }
}

async function listenOn(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  await once(server, 'listening');
}

/** 0 while it does not listen. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
