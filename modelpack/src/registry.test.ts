import type http from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from './registry.ts';
import { FakeRegistry } from './testing/fake-registry.ts';
import { digestOf } from './image.ts';

const USER = async () => ({ username: 'u', password: 'p' });

describe('a registry', () => {
  const fake = () => new FakeRegistry();
  let server: FakeRegistry;
  let host: string;
  const open = (more: Partial<ConstructorParameters<typeof Registry>[0]> = {}): Registry =>
    new Registry({ registry: host, repository: 'models/digits', plainHttp: true, stallMs: 200, ...more });

  beforeEach(async () => {
    server = fake();
    host = await server.start();
  });
  afterEach(async () => {
    open().close();
    await server.stop();
  });

  it('gets back what was pushed', async () => {
    const registry = open();
    const blob = Buffer.from('weights');
    await registry.putBlob(digestOf(blob), blob.length, () => blob);
    await registry.putManifest('1', Buffer.from('{}'), 'application/vnd.oci.image.manifest.v1+json');
    expect(await registry.hasBlob(digestOf(blob))).toBe(true);
    expect(await registry.hasBlob(digestOf(Buffer.from('other')))).toBe(false);
    expect((await registry.getManifest('1')).bytes.toString()).toBe('{}');
  });

  it('without the model says ModelNotFound and names it', async () => {
    await expect(open().getManifest('7')).rejects.toMatchObject({
      reason: 'ModelNotFound',
      message: expect.stringContaining('manifest 7'),
    });
  });

  it.each([429, 500, 503])('that answers %i is unavailable, which may pass', async (status) => {
    server.faults.push((_, response) => (response.writeHead(status).end(), true));
    await expect(open().getManifest('1')).rejects.toMatchObject({ reason: 'SourceUnavailable' });
  });

  it('that stays silent is given up as FetchTimeout', async () => {
    server.faults.push(() => true);
    await expect(open().getManifest('1')).rejects.toMatchObject({ reason: 'FetchTimeout' });
  });

  it('that cannot be reached is unavailable', async () => {
    await server.stop();
    await expect(open().getManifest('1')).rejects.toMatchObject({
      reason: 'SourceUnavailable',
      message: expect.stringContaining(host),
    });
    await server.start();
  });

  it('that asks for a token gets credentials at its token service, and then the token', async () => {
    server.manifests.set('1', { bytes: Buffer.from('{}'), mediaType: 'm' });
    const challenge = {
      'www-authenticate': `Bearer realm="http://${host}/token",service="s",scope="repository:models/digits:pull"`,
    };
    server.faults.push(
      (_, response) => (response.writeHead(401, challenge).end(), true),
      (request, response) => (response.end(JSON.stringify({ token: `for ${request.headers.authorization}` })), true),
    );
    await open({ credentials: USER }).getManifest('1');
    const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, basic, `Bearer for ${basic}`]);
  });

  it('that refuses is told as Unauthorized, with what to do', async () => {
    server.faults.push(
      (_, response) => (response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(), true),
    );
    await expect(open().getManifest('1')).rejects.toMatchObject({
      reason: 'Unauthorized',
      message: expect.stringContaining('secretRef'),
    });
  });

  it('that redirects to another host does not get its credentials sent there', async () => {
    const other = fake();
    const otherHost = await other.start();
    other.blobs.set('sha256:x', Buffer.from('bytes'));
    server.faults.push(
      (_, response) => (response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(), true),
      (_, response) => (response.writeHead(307, { location: `http://${otherHost}/v2/a/blobs/sha256:x` }).end(), true),
    );
    try {
      const stream = await open({ credentials: USER }).openBlob('sha256:x');
      stream.resume();
      expect(server.seen.at(-1)?.authorization).toBeDefined();
      expect(other.seen).toEqual([{ method: 'GET', url: '/v2/a/blobs/sha256:x', authorization: undefined }]);
    } finally {
      await other.stop();
    }
  });

  it('that redirects to another host sends the bytes of there, without our credentials', async () => {
    const other = fake();
    const otherHost = await other.start();
    other.blobs.set(digestOf(Buffer.from('far')), Buffer.from('far'));
    const path = `/v2/models/digits/blobs/${digestOf(Buffer.from('far'))}`;
    server.faults.push(
      (_, response) => (response.writeHead(307, { location: `http://${otherHost}${path}` }).end(), true),
    );
    try {
      const chunks = await (await open({ credentials: USER }).openBlob(digestOf(Buffer.from('far')))).toArray();
      expect(Buffer.concat(chunks as Buffer[]).toString()).toBe('far');
    } finally {
      await other.stop();
    }
  });

  it.each(['manifest', 'blob', 'upload'] as const)(
    'that redirects a %s to somebody who asks for credentials shows none, and says who asked',
    async (what) => {
      const thief = fake();
      const thiefHost = await thief.start();
      const steal = `Bearer realm="http://${thiefHost}/token",service="x"`;
      for (let i = 0; i < 4; i++)
        thief.faults.push((_, response) => (response.writeHead(401, { 'www-authenticate': steal }).end(), true));
      const status = what === 'upload' ? 202 : 307;
      server.faults.push(
        (_, response) => (response.writeHead(status, { location: `http://${thiefHost}/steal` }).end(), true),
      );
      const registry = open({ credentials: USER });
      try {
        const asked = {
          manifest: () => registry.getManifest('1'),
          blob: () => registry.openBlob('sha256:x'),
          upload: () => registry.putBlob('sha256:x', 1, () => Buffer.from('x')),
        }[what]();
        await expect(asked).rejects.toMatchObject({
          reason: 'SourceUnavailable',
          message: expect.stringContaining(thiefHost),
        });
        expect(thief.seen.length).toBe(1);
        expect(thief.seen[0]?.authorization).toBeUndefined();
      } finally {
        await thief.stop();
      }
    },
  );

  it('that is spoken to with TLS is never left for somebody without, whatever it names', async () => {
    const registry = new Registry({ registry: 'registry.example', repository: 'a/b', credentials: USER });
    const internal = registry as unknown as { secure: (url: URL) => URL };
    for (const url of ['http://registry.example/token', 'http://127.0.0.1/x', 'ftp://registry.example/'])
      expect(() => internal.secure(new URL(url))).toThrow(/not secure/);
  });

  it('is told by the code of its error, never by words of whoever answers', async () => {
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"\u001b[2Jsecret of an internal page"}]}';
    server.faults.push((_, response) => (response.writeHead(429).end(body), true));
    const { message } = (await open()
      .getManifest('1')
      .catch((error: unknown) => error)) as Error;
    expect(message).toContain('TOOMANYREQUESTS');
    expect(message).not.toContain('secret');
  });

  it('that redirects for ever is given up', async () => {
    for (let i = 0; i < 10; i++) {
      server.faults.push((request, response) => (response.writeHead(307, { location: request.url }).end(), true));
    }
    await expect(open().getManifest('1')).rejects.toMatchObject({
      reason: 'SourceUnavailable',
      message: expect.stringContaining('circles'),
    });
  });

  it('that falls silent in the middle of a blob is given up as FetchTimeout', async () => {
    server.faults.push((_, response) => (response.writeHead(200, { 'content-length': '100' }).write('half'), true));
    const body = await open({ stallMs: 80 }).openBlob('sha256:x');
    await expect(body.toArray()).rejects.toMatchObject({ reason: 'FetchTimeout' });
  });

  it('is not called silent while we are the slow ones', async () => {
    const blob = Buffer.alloc(4 * 2 ** 20, 'x');
    server.blobs.set('sha256:x', blob);
    let received = 0;
    for await (const chunk of await open({ stallMs: 40 }).openBlob('sha256:x')) {
      if (received === 0) await new Promise((resolve) => setTimeout(resolve, 200));
      received += (chunk as Buffer).length;
    }
    expect(received).toBe(blob.length);
  });

  it.each([429, 503])('that answers %i with Retry-After is quoted', async (status) => {
    server.faults.push((_, response) => (response.writeHead(status, { 'retry-after': '7' }).end(), true));
    await expect(open().getManifest('1')).rejects.toMatchObject({ retryAfterMs: 7000 });
  });

  it('that lets a token run out in the middle is asked for another', async () => {
    const challenge = { 'www-authenticate': `Bearer realm="http://${host}/token"` };
    const refuse = (_: unknown, response: http.ServerResponse) => (response.writeHead(401, challenge).end(), true);
    const token = (text: string) => (_: unknown, response: http.ServerResponse) => (
      response.end(JSON.stringify({ token: text })),
      true
    );
    server.manifests.set('1', { bytes: Buffer.from('{}'), mediaType: 'm' });
    const registry = open();
    server.faults.push(refuse, token('first'));
    await registry.getManifest('1');
    server.faults.push(refuse, token('second'));
    await registry.getManifest('1');
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([
      ...[undefined, undefined, 'Bearer first'],
      ...['Bearer first', undefined, 'Bearer second'],
    ]);
  });

  it('asks for the rights on each repository apart', async () => {
    const challenge = { 'www-authenticate': `Bearer realm="http://${host}/token"` };
    for (const repository of ['models/a', 'models/b']) {
      server.manifests.set('1', { bytes: Buffer.from('{}'), mediaType: 'm' });
      server.faults.push(
        (_, response) => (response.writeHead(401, challenge).end(), true),
        (_, response) => (response.end(JSON.stringify({ token: repository })), true),
      );
      await open({ repository }).getManifest('1');
    }
    const tokens = server.seen.filter(({ url }) => url.startsWith('/token'));
    expect(tokens.map(({ url }) => new URL(url, 'http://x').searchParams.get('scope'))).toEqual([
      'repository:models/a:pull,push',
      'repository:models/b:pull,push',
    ]);
    expect(server.seen.at(-1)?.authorization).toBe('Bearer models/b');
  });

  it('gets an upload again when it asks for credentials only at the bytes', async () => {
    const blob = Buffer.from('weights');
    let opened = 0;
    server.faults.push((request, response) => {
      if (request.method !== 'PUT') return false;
      request.resume().on('end', () => response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end());
      return true;
    });
    await open({ credentials: USER }).putBlob(digestOf(blob), blob.length, () => {
      opened++;
      return Readable.from([blob]);
    });
    expect(opened).toBe(2);
    expect(server.blobs.get(digestOf(blob))).toEqual(blob);
  });

  const BASIC = `Basic ${Buffer.from('u:p').toString('base64')}`;
  const TOKENS = '{"token":"T"}';

  it.each([
    [
      'Bearer, then Basic',
      (url: string) => `Bearer realm="${url}/token",service="s", Basic realm="Registry"`,
      'Bearer T',
    ],
    ['Basic, then Bearer', (url: string) => `Basic realm="R", Bearer realm="${url}/token",service="s"`, 'Bearer T'],
    ['one that we do not know, then Basic', () => 'Negotiate, Basic realm="R"', BASIC],
    ['a Bearer without a realm, then Basic', () => 'Bearer, Basic realm="R"', BASIC],
  ])('may offer several ways to log in: %s', async (_what, challenge, used) => {
    server.faults.push(
      (_, response) => (response.writeHead(401, { 'www-authenticate': challenge(`http://${host}`) }).end(), true),
    );
    if (used !== BASIC) server.faults.push((_, response) => (response.writeHead(200).end(TOKENS), true));
    server.manifests.set('1', { bytes: Buffer.from('{}'), mediaType: 'm' });
    await open({ credentials: USER }).getManifest('1');
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([
      undefined,
      ...(used === BASIC ? [] : [BASIC]),
      used,
    ]);
  });

  it('is given the identity token of a login, where it gives out tokens', async () => {
    const challenge = `Bearer realm="http://${host}/token",service="s",scope="x"`;
    server.faults.push((_, response) => (response.writeHead(401, { 'www-authenticate': challenge }).end(), true));
    const forms: string[] = [];
    server.faults.push((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => forms.push(text));
      request.on('end', () => response.writeHead(200).end('{"access_token":"T"}'));
      return true;
    });
    server.manifests.set('1', { bytes: Buffer.from('{}'), mediaType: 'm' });
    await open({ credentials: () => Promise.resolve({ identityToken: 'kept' }) }).getManifest('1');
    expect(Object.fromEntries(new URLSearchParams(forms.join('')))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'kubectl-mdep',
      refresh_token: 'kept',
      service: 's',
      scope: 'x',
    });
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined, 'Bearer T']);
  });

  it('that has no repository of this name, and makes none, says to create it', async () => {
    server.faults.push(({ method }, response) => {
      if (method !== 'POST') return false;
      response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
      return true;
    });
    const pushed = open().putBlob(digestOf(Buffer.from('x')), 1, () => Buffer.from('x'));
    await expect(pushed).rejects.toMatchObject({ message: expect.stringContaining('create the repository first') });
  });

  it('whose store refuses to say whether it has a blob is sent it again', async () => {
    const store = fake();
    const elsewhere = await store.start();
    store.faults.push((_, response) => (response.writeHead(403).end(), true));
    server.faults.push(
      (_, response) => (response.writeHead(307, { location: `http://${elsewhere}/signed` }).end(), true),
    );
    expect(await open().hasBlob(digestOf(Buffer.from('x')))).toBe(false);
    await store.stop();
  });
});
