import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import type { Logger } from '../telemetry/log.ts';
import { Fresh } from './fresh.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  certificate: string;
  key: string;
  /** Clients must have a certificate that one of these has signed. */
  clientAuthority: string | undefined;
}

/** What is spoken inside, as clients name it in the handshake. */
type Application = 'http/1.1' | 'h2';

const HANDSHAKE_MS = 10_000;

/** Handshakes of connections that were accepted elsewhere. */
export class Tls {
  readonly #server: Server;
  readonly #options: Fresh<SecureContextOptions>;
  #used: SecureContextOptions;
  /** By the address of the client. */
  readonly #waiting = new Map<string, (socket: TLSSocket) => void>();

  /** @throws FatalError BadConfiguration */
  constructor({ certificate, key, clientAuthority }: TlsFiles, application: Application, log: Logger) {
    const files = [certificate, key, ...(clientAuthority === undefined ? [] : [clientAuthority])];
    const parse = ([cert, secret, ca]: Buffer[]): SecureContextOptions => {
      const options: SecureContextOptions = { cert, key: secret, ...(ca && { ca }), minVersion: 'TLSv1.2' };
      // What cannot be used is found here.
      createSecureContext(options);
      return options;
    };
    this.#options = new Fresh(files, parse, log);
    this.#used = this.#options.get();
    const mutual = clientAuthority !== undefined;
    this.#server = createServer({
      ...this.#used,
      requestCert: mutual,
      rejectUnauthorized: mutual,
      ALPNProtocols: [application],
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#server.on('secureConnection', (socket) => {
      const key = nameOf(socket);
      this.#waiting.get(key)?.(socket);
      this.#waiting.delete(key);
    });
    this.#server.on('tlsClientError', (_, socket) => socket.destroy());
  }

  /** The connection as its client speaks inside; undefined when the handshake fails. */
  accept(socket: Socket): Promise<TLSSocket | undefined> {
    const options = this.#options.get();
    if (options !== this.#used) this.#server.setSecureContext(options);
    this.#used = options;
    return new Promise((resolve) => {
      const key = nameOf(socket);
      this.#waiting.set(key, resolve);
      socket.once('close', () => {
        this.#waiting.delete(key);
        resolve(undefined);
      });
      this.#server.emit('connection', socket);
    });
  }
}

/** For each transport. @throws FatalError BadConfiguration */
export const handshakes = (files: TlsFiles, log: Logger): { http: Tls; grpc: Tls } => ({
  http: new Tls(files, 'http/1.1', log),
  grpc: new Tls(files, 'h2', log),
});

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
