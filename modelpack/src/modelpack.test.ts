import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import tar from 'tar-stream';
import { parseTerminationMessage } from './contract.ts';
import { describeModel, detectFormat } from './describe.ts';
import { listFiles, treeDigest } from './files.ts';
import {
  describeStream,
  digestOf,
  findImage,
  groupIntoLayers,
  makeManifest,
  readManifest,
  SHARED_LAYER_LIMIT,
  tarOf,
} from './image.ts';
import { parseChallenges, readCredentials } from './registry-auth.ts';
import { untar } from './untar.ts';
import { parseModelUri } from './uri.ts';

const LIMITS = { maxBytes: 1000, maxFiles: 3 };
const HEX = 'a'.repeat(64);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelpack-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the address of a model', () => {
  it.each([
    ['oci://r.example/a/b:1', { scheme: 'oci', registry: 'r.example', repository: 'a/b', tag: '1' }],
    ['oci://localhost:5000/a:v1.2', { scheme: 'oci', registry: 'localhost:5000', repository: 'a', tag: 'v1.2' }],
    [`oci://r/a@sha256:${HEX}`, { scheme: 'oci', registry: 'r', repository: 'a', digest: `sha256:${HEX}` }],
    ['pvc://claim/x/y', { scheme: 'pvc', claim: 'claim', path: 'x/y' }],
    ['pvc://claim', { scheme: 'pvc', claim: 'claim', path: '' }],
  ])('%s is read', (text, uri) => expect(parseModelUri(text)).toEqual(uri));

  it.each([
    'oci://r/a',
    'oci://r/A:1',
    'oci:///a:1',
    'pvc://c/../x',
    'pvc://c//x',
    'file:///etc/passwd',
    'oci://r/a:1 ',
    `oci://r/a@sha256:${HEX}0`,
  ])('%s is refused', (text) =>
    expect(() => parseModelUri(text)).toThrow(expect.objectContaining({ reason: 'BadConfiguration' })),
  );

  it.each([
    ['s3://bucket/x', 's3:// is not supported'],
    ['digits:1', 'does not begin with oci:// or pvc://'],
    ['oci://r/a', 'names no version'],
    ['oci://r', 'names no repository'],
    ['oci://r/Digits:1', 'lower case'],
    ['oci://r/a:1 ', 'space'],
    ['oci://r/a@sha256:12', '64 hexadecimal digits'],
    ['pvc://claim/../x', '..'],
  ])('%s is refused with the reason: %s', (text, reason) => expect(() => parseModelUri(text)).toThrow(reason));
});

describe('a model as an image', () => {
  const write = (time: number): void => {
    mkdirSync(join(folder, 'variables'), { recursive: true });
    for (const [name, text] of [
      ['saved_model.pb', 'graph'],
      ['variables/variables.index', 'index'],
    ] as const) {
      writeFileSync(join(folder, name), text);
      utimesSync(join(folder, name), time, time);
    }
  };

  it('has the same digest whenever the same files are packed', async () => {
    write(1000);
    const first = await describeStream(tarOf(folder, await listFiles(folder)));
    write(2000);
    expect(await describeStream(tarOf(folder, await listFiles(folder)))).toEqual(first);
  });

  it('unpacks to the same files, compressed or not', async () => {
    write(1000);
    const before = await treeDigest(folder);
    const packed = Buffer.concat(await tarOf(folder, await listFiles(folder)).toArray());
    for (const [name, bytes, compressed] of [
      ['plain', packed, false],
      ['gzip', gzipSync(packed), true],
    ] as const) {
      const target = mkdtempSync(join(tmpdir(), `modelpack-${name}-`));
      expect(await untar(Readable.from([bytes]), compressed, target, LIMITS)).toEqual({ bytes: 10, files: 2 });
      expect((await treeDigest(target)).digest).toBe(before.digest);
      rmSync(target, { recursive: true });
    }
  });

  it('is read back from its manifest; of an index the entry for linux/amd64 is taken', () => {
    const layer = { mediaType: 'm', digest: `sha256:${HEX}`, size: 1 };
    const { manifest } = makeManifest([layer], { a: 'b' });
    expect(readManifest(manifest, '')).toMatchObject({ image: { layers: [layer], annotations: { a: 'b' } } });
    const entries = [
      { ...layer, platform: { os: 'linux', architecture: 'arm64' } },
      { ...layer, digest: `sha256:${'b'.repeat(64)}`, platform: { os: 'linux', architecture: 'amd64' } },
    ];
    expect(readManifest(Buffer.from(JSON.stringify({ manifests: entries })), '')).toEqual({
      entry: entries[1]?.digest,
    });
    // What buildx tells of the image stands beside it.
    const attestation = {
      ...layer,
      digest: `sha256:${'c'.repeat(64)}`,
      platform: { os: 'unknown', architecture: 'unknown' },
    };
    expect(readManifest(Buffer.from(JSON.stringify({ manifests: [entries[0], attestation] })), '')).toEqual({
      entry: entries[0]?.digest,
    });
    const arm = [entries[0], { ...layer, platform: { os: 'linux', architecture: 's390x' } }];
    expect(() => readManifest(Buffer.from(JSON.stringify({ manifests: arm })), '')).toThrow('linux/arm64, linux/s390x');
    expect(() => readManifest(Buffer.from('{'), '')).toThrow(expect.objectContaining({ reason: 'ModelMalformed' }));
    expect(() => readManifest(Buffer.from('{}'), '')).toThrow(expect.objectContaining({ reason: 'ModelMalformed' }));
  });

  it.each([
    { digest: 'sha256:../../other/blobs/x' },
    { digest: '../manifests/1' },
    { size: -1 },
    { size: '5' },
    { mediaType: undefined },
  ])('whose manifest names a blob with %j is refused', (fault) => {
    const layer = { mediaType: 'm', digest: `sha256:${HEX}`, size: 1, ...fault };
    const refused = expect.objectContaining({ reason: 'ModelMalformed' });
    expect(() => readManifest(Buffer.from(JSON.stringify({ layers: [layer] })), '')).toThrow(refused);
    expect(() => readManifest(Buffer.from(JSON.stringify({ manifests: [layer] })), '')).toThrow(refused);
  });

  it('is found by tag or digest, through an index too, and every digest is checked on the way', async () => {
    const layer = { mediaType: 'm', digest: `sha256:${HEX}`, size: 5 };
    const { manifest } = makeManifest([layer], {});
    const index = (digest: string) => Buffer.from(JSON.stringify({ manifests: [{ ...layer, digest }] }));
    const find = (bytes: Record<string, Buffer>, reference: string) =>
      findImage(async (asked) => ({ bytes: bytes[asked] ?? Buffer.from('{}'), mediaType: 'm' }), reference);
    const digest = digestOf(manifest);

    expect(await find({ one: manifest }, 'one')).toMatchObject({ digest, bytes: 5 });
    expect(await find({ many: index(digest), [digest]: manifest }, 'many')).toMatchObject({ digest, bytes: 5 });
    await expect(find({ [`sha256:${HEX}`]: manifest }, `sha256:${HEX}`)).rejects.toMatchObject({
      reason: 'DigestMismatch',
    });
    await expect(find({ many: index(`sha256:${HEX}`), [`sha256:${HEX}`]: manifest }, 'many')).rejects.toMatchObject({
      reason: 'DigestMismatch',
    });
    const inner = index(digest);
    await expect(
      find({ many: index(digestOf(inner)), [digestOf(inner)]: inner, [digest]: manifest }, 'many'),
    ).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('puts a large file into a layer of its own, so that a change elsewhere does not send it again', () => {
    const large = { path: 'weights.bin', size: SHARED_LAYER_LIMIT + 1 };
    const small = [
      { path: 'a', size: 1 },
      { path: 'z', size: SHARED_LAYER_LIMIT },
    ];
    expect(groupIntoLayers([small[0]!, large, small[1]!])).toEqual([small, [large]]);
    expect(groupIntoLayers([large])).toEqual([[large]]);
  });

  const bad: [string, { name: string; type?: tar.Header['type']; linkname?: string }][] = [
    ['a path that leads outside', { name: '../x' }],
    ['an absolute path', { name: '/x' }],
    ['a path with a hidden step', { name: 'a/../../x' }],
    ['a backslash', { name: 'a\\b' }],
    ['a symbolic link', { name: 'x', type: 'symlink', linkname: '/etc/passwd' }],
    ['a hard link', { name: 'x', type: 'link', linkname: 'y' }],
    ['a device', { name: 'x', type: 'character-device' }],
    ['a whiteout', { name: '.wh.x' }],
    ['a line break in a name', { name: 'a\nb' }],
    ['a folder that leads outside', { name: '../x/', type: 'directory' }],
  ];
  it.each(bad)('with %s is refused', async (_what, header) => {
    const pack = tar.pack();
    pack.entry(header, header.type === undefined ? 'x' : '');
    pack.finalize();
    const stream = Readable.from(pack);
    await expect(untar(stream, false, folder, LIMITS)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it.each([
    ['too many bytes', [['a', 'x'.repeat(2000)]]],
    [
      'too many files',
      [
        ['a', ''],
        ['b', ''],
        ['c', ''],
        ['d', ''],
      ],
    ],
    [
      'one file twice',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
  ] as [string, [string, string][]][])('with %s is refused', async (_what, entries) => {
    const pack = tar.pack();
    for (const [name, text] of entries) pack.entry({ name }, text);
    pack.finalize();
    const stream = Readable.from(pack);
    await expect(untar(stream, false, folder, LIMITS)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it.each([
    ['folders that are only named in a path', `${'d/'.repeat(10)}x`],
    ['folders in folders without end', `${'d/'.repeat(33)}x`],
    ['a name without end', `${'d'.repeat(255)}/`.repeat(5) + 'x'],
  ])('with %s is refused', async (_what, name) => {
    const pack = tar.pack();
    pack.entry({ name }, 'x');
    pack.finalize();
    const target = join(folder, 'target');
    await expect(untar(Readable.from(pack), false, target, LIMITS)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('with more entries than allowed that are no files is refused', async () => {
    const pack = tar.pack();
    pack.entry({ name: 'd/', type: 'directory' });
    pack.finalize();
    const header = Buffer.concat(await Readable.from(pack).toArray()).subarray(0, 512);
    const stream = Readable.from([header, header, header, header]);
    await expect(untar(stream, false, join(folder, 'target'), LIMITS)).rejects.toMatchObject({
      reason: 'ModelMalformed',
      message: expect.stringContaining('3 entries'),
    });
  });

  it('whose headers alone unpack to more than the limit is refused', async () => {
    const zeros = Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(512)));
    await expect(untar(zeros, false, join(folder, 'target'), LIMITS)).rejects.toMatchObject({
      reason: 'ModelMalformed',
    });
  });

  it('that is cut off is refused', async () => {
    write(1000);
    const packed = Buffer.concat(await tarOf(folder, await listFiles(folder)).toArray());
    const target = join(folder, 'target');
    await expect(untar(Readable.from([packed.subarray(0, 700)]), false, target, LIMITS)).rejects.toMatchObject({
      reason: 'ModelMalformed',
    });
  });
});

describe('a model folder', () => {
  it('without a model says what was found instead', async () => {
    writeFileSync(join(folder, 'weights.h5'), '');
    await expect(detectFormat(folder)).rejects.toMatchObject({
      reason: 'ModelMalformed',
      message: expect.stringContaining('weights.h5'),
    });
  });

  it('with a link in it is refused', async () => {
    symlinkSync('/etc/passwd', join(folder, 'x'));
    await expect(listFiles(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('with a damaged saved_model.pb is refused', async () => {
    writeFileSync(join(folder, 'saved_model.pb'), Buffer.from([0xff, 0xff, 0xff]));
    await expect(describeModel(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it.each(['../../etc/x', '/etc/x', 'a/b.bin', '.hidden'])(
    'whose model.json names the weights %s is refused',
    async (path) => {
      writeFileSync(
        join(folder, 'model.json'),
        JSON.stringify({ format: 'graph-model', weightsManifest: [{ paths: [path] }] }),
      );
      await expect(describeModel(folder, 'TFJSGraph')).rejects.toMatchObject({ reason: 'ModelMalformed' });
    },
  );

  it('with a graph model tells its signature', async () => {
    const tensor = { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '-1' }, { size: '4' }] } };
    const model = {
      format: 'graph-model',
      modelTopology: { node: [{ name: 'a', op: 'MatMul' }] },
      signature: { inputs: { x: tensor }, outputs: { y: tensor } },
    };
    writeFileSync(join(folder, 'model.json'), JSON.stringify(model));
    expect(await describeModel(folder)).toEqual({
      format: 'TFJSGraph',
      operations: ['MatMul'],
      signatures: {
        serving_default: {
          inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 4], node: 'x:0' }],
          outputs: [{ name: 'y', dtype: 'FP32', shape: [-1, 4], node: 'x:0' }],
        },
      },
    });
  });

  it('of a volume may hold the lost+found of its file system', async () => {
    mkdirSync(join(folder, 'lost+found'));
    writeFileSync(join(folder, 'lost+found', 'x'), '');
    writeFileSync(join(folder, 'a'), '1');
    expect(await listFiles(folder)).toEqual([{ path: 'a', size: 1 }]);
  });

  it('with a name that could be read as two is refused', async () => {
    writeFileSync(join(folder, 'a\nb'), '');
    await expect(listFiles(folder)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('that does not exist is ModelNotFound', async () => {
    await expect(listFiles(join(folder, 'none'))).rejects.toMatchObject({ reason: 'ModelNotFound' });
  });

  it('has a tree digest that depends on names and bytes only', async () => {
    writeFileSync(join(folder, 'a'), '1');
    const first = await treeDigest(folder);
    utimesSync(join(folder, 'a'), 1, 1);
    expect(await treeDigest(folder)).toEqual(first);
    writeFileSync(join(folder, 'a'), '2');
    expect((await treeDigest(folder)).digest).not.toBe(first.digest);
  });
});

describe('registry credentials', () => {
  it('come from config.json, for this registry only', async () => {
    const auth = Buffer.from('user:pass:word').toString('base64');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { 'https://r.example/v1/': { auth } } }));
    expect(await readCredentials(folder, 'r.example')).toEqual({ username: 'user', password: 'pass:word' });
    expect(await readCredentials(folder, 'other.example')).toBeUndefined();
    expect(await readCredentials(join(folder, 'missing'), 'r.example')).toBeUndefined();
  });

  it('of docker.io are found under the name that docker login writes', async () => {
    const auth = Buffer.from('u:p').toString('base64');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth } } }));
    expect(await readCredentials(folder, 'docker.io')).toEqual({ username: 'u', password: 'p' });
  });

  it('are an identity token where a login has left one, whatever lies beside it', async () => {
    const auth = Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64');
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ auths: { 'r.example': { auth, identitytoken: 'kept' } } }),
    );
    expect(await readCredentials(folder, 'r.example')).toEqual({ identityToken: 'kept' });
  });

  it('that a helper keeps are refused with what to do', async () => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ credHelpers: { 'r.example': 'ecr-login' } }));
    await expect(readCredentials(folder, 'r.example')).rejects.toMatchObject({
      reason: 'Unauthorized',
      message: expect.stringContaining('ecr-login'),
    });
  });

  it('are asked for by a challenge', () => {
    expect(parseChallenges('Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"')).toEqual([
      { scheme: 'bearer', parameters: { realm: 'https://a/t', service: 's', scope: 'repository:x:pull,push' } },
    ]);
    expect(parseChallenges('Negotiate, Basic realm="a, b=\\"c\\"" , Bearer realm = t')).toEqual([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'a, b=\\"c\\"' } },
      { scheme: 'bearer', parameters: { realm: 't' } },
    ]);
    expect(parseChallenges(undefined)).toEqual([]);
  });
});

describe('a termination message', () => {
  it('is read from its last line; what is not ours is not taken for it', () => {
    expect(parseTerminationMessage('log\n{"reason":"DigestMismatch","message":"m"}\n')).toEqual({
      reason: 'DigestMismatch',
      message: 'm',
    });
    expect(parseTerminationMessage(`{"digest":"sha256:${HEX}","bytes":5}`)).toEqual({
      digest: `sha256:${HEX}`,
      bytes: 5,
    });
    for (const text of [undefined, '', 'Killed', '{"reason":"Constructor"}', '{"digest":"latest"}', '{', 'null']) {
      expect(parseTerminationMessage(text)).toBeUndefined();
    }
  });
});
