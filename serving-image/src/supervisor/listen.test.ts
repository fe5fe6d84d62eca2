import { createServer, type ListenOptions, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listen, portOf } from './listen.ts';

let server: Server;
afterEach(() => void server.close());

/** A server on a machine whose kernel has no IPv6. */
function withoutIpv6(code: string): Server {
  const made = createServer();
  const real = made.listen.bind(made) as (options: ListenOptions) => Server;
  made.listen = ((options: ListenOptions) => {
    if (options.host !== '::') return real(options);
    process.nextTick(() => made.emit('error', Object.assign(new Error(`listen ${code}`), { code })));
    return made;
  }) as typeof made.listen;
  return made;
}

describe('a server', () => {
  it.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])('listens on IPv4 where there is no IPv6 (%s)', async (code) => {
    server = withoutIpv6(code);
    await listen(server, 0, undefined);
    expect(server.address()).toMatchObject({ address: '0.0.0.0' });
    expect(portOf(server)).toBeGreaterThan(0);
  });

  it('listens on the address it was told, or nowhere', async () => {
    server = withoutIpv6('EAFNOSUPPORT');
    await expect(listen(server, 0, '::')).rejects.toThrow('cannot listen on port 0: listen EAFNOSUPPORT');
  });

  it('that cannot have its port says so', async () => {
    const other = createServer();
    await listen(other, 0, '127.0.0.1');
    server = createServer();
    await expect(listen(server, portOf(other), '127.0.0.1')).rejects.toThrow('EADDRINUSE');
    other.close();
  });
});
