import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from './registry.ts';
import { FakeRegistry } from './testing/fake-registry.ts';
import { digestOf } from './image.ts';

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
    await open({ credentials: { username: 'u', password: 'p' } }).getManifest('1');
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
      const stream = await open({ credentials: { username: 'u', password: 'p' } }).openBlob('sha256:x');
      stream.resume();
      expect(server.seen.at(-1)?.authorization).toBeDefined();
      expect(other.seen).toEqual([{ method: 'GET', url: '/v2/a/blobs/sha256:x', authorization: undefined }]);
    } finally {
      await other.stop();
    }
  });
});
