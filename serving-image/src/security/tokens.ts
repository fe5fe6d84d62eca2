/** Bearer tokens (RFC 6750): static ones, and JSON Web Tokens that a key of a JWKS file has signed. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose';
import { RequestError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { Fresh } from './fresh.ts';

export interface TokenSettings {
  /** File of tokens, one a line. */
  tokens: string | undefined;
  /** File with a JSON Web Key Set (RFC 7517). */
  keys: string | undefined;
  /** What a JWT must say of who has issued it, and for whom. */
  issuer: string | undefined;
  audience: string | undefined;
}

/** Only those whose keys can be public: a file of keys that others may read must let nobody sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Clocks may differ by so many seconds. */
const CLOCK_TOLERANCE = 30;

type Keys = ReturnType<typeof createLocalJWKSet>;

export class Tokens {
  /** Hashes: comparing those tells nothing of the tokens by its time. */
  readonly #known: Fresh<ReadonlySet<string>> | undefined;
  readonly #keys: Fresh<Keys> | undefined;

  /** @throws FatalError BadConfiguration */
  constructor(
    private readonly settings: TokenSettings,
    log: Logger,
  ) {
    const { tokens, keys } = settings;
    this.#known = tokens === undefined ? undefined : new Fresh([tokens], ([file]) => readTokens(file), log);
    this.#keys =
      keys === undefined
        ? undefined
        : new Fresh([keys], ([file]) => createLocalJWKSet(JSON.parse(String(file)) as JSONWebKeySet), log);
  }

  /** @throws RequestError 401 */
  async check({ authorization }: IncomingHttpHeaders): Promise<void> {
    const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) throw unauthorized('a bearer token is needed: send Authorization: Bearer TOKEN');
    if (this.#known?.get().has(hashOf(token))) return;
    const keys = this.#keys?.get();
    if (!keys) throw unauthorized('the bearer token is not known', 'invalid_token');
    const { issuer, audience } = this.settings;
    try {
      await jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE,
        requiredClaims: ['exp'],
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
      });
    } catch (error) {
      const why = error instanceof errors.JOSEError ? error.message : 'it cannot be read';
      throw unauthorized(`the bearer token is not accepted: ${why}`, 'invalid_token');
    }
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Lines that are empty or begin with # are none. */
function readTokens(file: Buffer | undefined): ReadonlySet<string> {
  const lines = String(file).split('\n');
  const tokens = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(tokens.map(hashOf));
}

const unauthorized = (message: string, code?: string) =>
  new RequestError(401, message, { 'WWW-Authenticate': code === undefined ? 'Bearer' : `Bearer error="${code}"` });
