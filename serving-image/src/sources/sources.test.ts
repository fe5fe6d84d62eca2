import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ANNOTATION_ORIGINAL,
  describeStream,
  digestOf,
  ENV,
  listFiles,
  makeManifest,
  MEDIA,
  parseTerminationMessage,
  tarOf,
  treeDigest,
} from '@modeldeployment/modelpack';
import { FakeRegistry } from '@modeldeployment/modelpack/testing';
import { fetchModel, resolveModel } from './main.ts';

let root: string;
let registry: FakeRegistry;
let host: string;
let digest: string;
let layer: string;
const at = (...parts: string[]): string => join(root, ...parts);
const env = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  [ENV.name]: 'digits',
  [ENV.version]: '3',
  [ENV.uri]: `oci://${host}/models/digits:1`,
  [ENV.repository]: at('models'),
  [ENV.source]: at('source'),
  [ENV.terminationLog]: at('termination-log'),
  [ENV.plainHttpRegistries]: `other:1, ${host}`,
  ...more,
});
const told = () => parseTerminationMessage(readFileSync(at('termination-log'), 'utf8'));
const served = (path: string): string => readFileSync(at('models/digits/3', path), 'utf8');
const folders = (): string[] => readdirSync(at('models/digits'));

beforeEach(async () => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  root = mkdtempSync(join(tmpdir(), 'sources-'));
  mkdirSync(at('source/digits/variables'), { recursive: true });
  writeFileSync(at('source/digits/saved_model.pb'), 'graph');
  writeFileSync(at('source/digits/variables/variables.index'), 'index');
  registry = new FakeRegistry();
  host = await registry.start();
  ({ digest, layer } = await store('1'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await registry.stop();
  rmSync(root, { recursive: true, force: true });
});

const sizeOf = (blob: string): number => registry.blobs.get(blob)?.length ?? 0;

/** Puts the folder into the registry, as `kubectl mdep push` does. */
async function store(tag: string): Promise<{ digest: string; layer: string }> {
  const files = await listFiles(at('source/digits'));
  const bytes = Buffer.concat(await tarOf(at('source/digits'), files).toArray());
  const described = await describeStream(tarOf(at('source/digits'), files));
  const { manifest } = makeManifest([{ mediaType: MEDIA.layer, ...described }], {});
  registry.blobs.set(described.digest, bytes);
  const entry = { bytes: manifest, mediaType: MEDIA.manifest };
  registry.manifests.set(tag, entry).set(digestOf(manifest), entry);
  return { digest: digestOf(manifest), layer: described.digest };
}

describe('resolve', () => {
  it('answers digest and size of a tag, and downloads no blob', async () => {
    expect(await resolveModel(env())).toBe(0);
    expect(told()).toEqual({ digest, bytes: registry.blobs.get(layer)?.length });
    expect(registry.seen.map(({ url }) => url)).toEqual(['/v2/models/digits/manifests/1']);
  });

  it('answers the tree digest of a folder on a volume', async () => {
    expect(await resolveModel(env({ [ENV.uri]: 'pvc://claim/digits' }))).toBe(0);
    expect(told()).toEqual(await treeDigest(at('source/digits')));
  });

  it('says that the model is not there, and where it looked', async () => {
    expect(await resolveModel(env({ [ENV.uri]: `oci://${host}/models/digits:9` }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'ModelNotFound', message: expect.stringContaining('manifest 9') });
    expect(await resolveModel(env({ [ENV.uri]: 'pvc://claim/none' }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'ModelNotFound', message: expect.stringContaining('/none') });
  });

  it('tells all settings that are wrong at once', async () => {
    expect(await fetchModel(env({ [ENV.version]: 'x', [ENV.name]: '../x', [ENV.digest]: 'latest' }))).toBe(1);
    const message = expect.stringMatching(/MODEL_NAME.*MODEL_VERSION.*MODEL_DIGEST/);
    expect(told()).toMatchObject({ reason: 'BadConfiguration', message });
  });
});

describe('fetch', () => {
  it('puts the model into the repository and says what it is', async () => {
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(0);
    expect(told()).toEqual({ digest, bytes: 10, files: 2 });
    expect(served('saved_model.pb')).toBe('graph');
    expect(served('variables/variables.index')).toBe('index');
    expect(folders()).toEqual(['3']);
  });

  it('fetches the digest although the tag has moved', async () => {
    writeFileSync(at('source/digits/saved_model.pb'), 'other graph');
    await store('1');
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(0);
    expect(served('saved_model.pb')).toBe('graph');
  });

  it('leaves what the model was converted from where it is', async () => {
    const original = { mediaType: MEDIA.layer, ...(await describeStream(tarOf(at('source'), [], 'original/'))) };
    const described = { ...original, annotations: { [ANNOTATION_ORIGINAL]: 'model.h5' } };
    const { manifest } = makeManifest([{ mediaType: MEDIA.layer, digest: layer, size: sizeOf(layer) }, described], {});
    registry.manifests.set('1', { bytes: manifest, mediaType: MEDIA.manifest });
    expect(await resolveModel(env())).toBe(0);
    expect(told()).toEqual({ digest: digestOf(manifest), bytes: sizeOf(layer) });
    // The registry does not even have it.
    expect(await fetchModel(env())).toBe(0);
    expect(told()).toEqual({ digest: digestOf(manifest), bytes: 10, files: 2 });
  });

  it('asks nobody when the model is there already', async () => {
    await fetchModel(env({ [ENV.digest]: digest }));
    registry.seen.length = 0;
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(0);
    expect(told()).toEqual({ digest, bytes: 10, files: 2 });
    expect(registry.seen).toEqual([]);
  });

  it('replaces other bytes under the same version', async () => {
    await fetchModel(env({ [ENV.digest]: digest }));
    writeFileSync(at('source/digits/saved_model.pb'), 'other graph');
    const other = await store('2');
    expect(await fetchModel(env({ [ENV.digest]: other.digest }))).toBe(0);
    expect(served('saved_model.pb')).toBe('other graph');
  });

  it('removes what an attempt left behind that was killed, and does not trust a folder without its mark', async () => {
    mkdirSync(at('models/digits/.partial-abc'), { recursive: true });
    mkdirSync(at('models/digits/3'), { recursive: true });
    writeFileSync(at('models/digits/3/saved_model.pb'), 'gra');
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(0);
    expect(served('saved_model.pb')).toBe('graph');
    expect(folders()).toEqual(['3']);
  });

  const damages: [string, (bytes: Buffer) => Buffer][] = [
    ['truncated', (bytes) => bytes.subarray(0, 700)],
    ['changed', (bytes) => Buffer.from(bytes).fill('x', 0, 3)],
    ['empty', () => Buffer.alloc(0)],
  ];
  it.each(damages)('of a blob that is %s is a DigestMismatch and leaves nothing behind', async (_what, damage) => {
    registry.blobs.set(layer, damage(registry.blobs.get(layer) ?? Buffer.alloc(0)));
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'DigestMismatch', message: expect.stringContaining(layer) });
    expect(folders()).toEqual([]);
  });

  it('of a manifest with other bytes than its digest is a DigestMismatch', async () => {
    registry.manifests.set(digest, { bytes: Buffer.from('{"layers":[]}'), mediaType: MEDIA.manifest });
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'DigestMismatch' });
  });

  it('tries again when the connection breaks in the middle of a blob', async () => {
    registry.faults.push((request, response) => {
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(200, { 'content-length': '5000' }).write('half');
      response.destroy();
      return true;
    });
    expect(await fetchModel(env({ [ENV.digest]: digest }))).toBe(0);
    expect(served('saved_model.pb')).toBe('graph');
  });

  it('refuses what is larger than allowed before it downloads it', async () => {
    expect(await fetchModel(env({ [ENV.maxBytes]: '1000' }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'ModelMalformed', message: expect.stringContaining('1000') });
    expect(registry.seen.some(({ url }) => url.includes('/blobs/'))).toBe(false);
  });

  it('copies a folder of a volume and compares its tree digest', async () => {
    const uri = { [ENV.uri]: 'pvc://claim/digits' };
    const tree = await treeDigest(at('source/digits'));
    expect(await fetchModel(env({ ...uri, [ENV.digest]: tree.digest }))).toBe(0);
    expect(told()).toEqual(tree);
    expect(served('variables/variables.index')).toBe('index');
    expect(statSync(at('models/digits/3/saved_model.pb')).mode & 0o777).toBe(0o644);

    rmSync(at('models'), { recursive: true });
    writeFileSync(at('source/digits/saved_model.pb'), 'changed');
    expect(await fetchModel(env({ ...uri, [ENV.digest]: tree.digest }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'DigestMismatch', message: expect.stringContaining('changed in place') });
  });

  it('does not follow links out of the volume', async () => {
    symlinkSync('/etc', at('source/out'));
    expect(await fetchModel(env({ [ENV.uri]: 'pvc://claim/out' }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'ModelMalformed', message: expect.stringContaining('leads out') });
    symlinkSync('/etc/passwd', at('source/digits/assets'));
    expect(await fetchModel(env({ [ENV.uri]: 'pvc://claim/digits' }))).toBe(1);
    expect(told()).toMatchObject({ reason: 'ModelMalformed', message: expect.stringContaining('assets') });
  });
});

describe('a Secret of registry credentials', () => {
  const secret = (config?: unknown) => {
    mkdirSync(at('credentials'), { recursive: true });
    if (config !== undefined) writeFileSync(at('credentials/config.json'), JSON.stringify(config));
    return { [ENV.dockerConfig]: at('credentials'), [ENV.secretName]: 'otherhost' };
  };

  it.each([fetchModel, resolveModel])('that is missing, or has no such key, is named (%p)', async (run) => {
    expect(await run(env(secret()))).toBe(1);
    expect(told()).toMatchObject({
      reason: 'ContainerConfigError',
      message: expect.stringMatching(/Secret otherhost is missing, or has no key \.dockerconfigjson/),
    });
  });

  it('for another host is told as that, with the host it is for', async () => {
    registry.faults.push(
      (_, response) => (response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/t"` }).end(), true),
      (_, response) => (response.writeHead(401).end(), true),
    );
    expect(await resolveModel(env(secret({ auths: { 'other.example': { auth: 'dTpw' } } })))).toBe(1);
    expect(told()).toMatchObject({
      reason: 'Unauthorized',
      message: expect.stringContaining(
        `Secret otherhost has credentials for other.example, none for ${host}, the registry in the uri`,
      ),
    });
  });
});
