import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { RequestError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import { Tokens } from './tokens.ts';

const log = createLog('silent', {});
let folder: string;
let key: CryptoKey;
let stranger: CryptoKey;
let tokens: Tokens;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  const pair = await generateKeyPair('ES256');
  key = pair.privateKey;
  stranger = (await generateKeyPair('ES256')).privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'a', alg: 'ES256' };
  await writeFile(join(folder, 'jwks.json'), JSON.stringify({ keys: [jwk] }));
  await writeFile(join(folder, 'tokens'), '# clients\n\nsesame\n');
  tokens = new Tokens(
    { tokens: join(folder, 'tokens'), keys: join(folder, 'jwks.json'), issuer: 'us', audience: 'models' },
    log,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const jwt = ({ by = key, audience = 'models', issuer = 'us', expires = '1h', alg = 'ES256' } = {}) =>
  new SignJWT({})
    .setProtectedHeader({ alg, kid: 'a' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(by);

async function problem(authorization: string | undefined): Promise<string | undefined> {
  try {
    await tokens.check(authorization === undefined ? {} : { authorization });
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ status: 401, headers: { 'WWW-Authenticate': expect.stringMatching(/^Bearer/) } });
    return (error as Error).message;
  }
}

const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`;

describe('a bearer token', () => {
  it.each([
    ['a line of the file', () => 'Bearer sesame'],
    ['in other letters', () => 'bearer sesame'],
    ['a JWT of a known key', async () => `Bearer ${await jwt()}`],
  ])('is accepted: %s', async (_, make) => {
    expect(await problem(await make())).toBeUndefined();
  });

  it.each([
    ['none', () => undefined, 'is needed'],
    ['another scheme', () => 'Basic sesame', 'is needed'],
    ['a comment of the file', () => 'Bearer #', 'is needed'],
    ['another one', () => 'Bearer sesam', 'not accepted'],
    ['one that is not signed', () => `Bearer ${unsigned}`, 'not accepted'],
    ['of an unknown key', async () => `Bearer ${await jwt({ by: stranger })}`, 'signature'],
    ['for another audience', async () => `Bearer ${await jwt({ audience: 'others' })}`, 'aud'],
    ['of another issuer', async () => `Bearer ${await jwt({ issuer: 'them' })}`, 'iss'],
    ['that is too old', async () => `Bearer ${await jwt({ expires: '-2m' })}`, 'exp'],
  ])('is refused: %s', async (_, make, words) => {
    expect(await problem(await make())).toContain(words);
  });
});
