import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import tar from 'tar-stream';
import { digestOf } from './image.ts';
import { isCompressed, readLayer } from './layer.ts';
import { untar } from './untar.ts';

const TAR = 'application/vnd.oci.image.layer.v1.tar';
let folder: string;
let archive: Buffer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'layer-'));
  const pack = tar.pack();
  pack.entry({ name: 'weights' }, 'w'.repeat(300_000));
  pack.finalize();
  archive = Buffer.concat(await Readable.from(pack).toArray());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LIMITS = { maxBytes: 1e6, maxFiles: 10 };
const slices = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / 10_000) }, (_, i) => bytes.subarray(i * 10_000, (i + 1) * 10_000));
const receive = (bytes: Buffer, wanted = archive, body = Readable.from(slices(bytes))) =>
  readLayer(body, { mediaType: TAR, digest: digestOf(wanted), size: wanted.length }, (content) =>
    untar(content, false, folder, LIMITS),
  );

describe('a layer', () => {
  it('is unpacked while it arrives', async () => {
    expect(await receive(archive)).toEqual({ bytes: 300_000, files: 1 });
    expect(readFileSync(join(folder, 'weights'), 'utf8')).toBe('w'.repeat(300_000));
  });

  it('with a changed byte in its content is a DigestMismatch', async () => {
    const changed = Buffer.from(archive);
    changed[1000] = 0;
    await expect(receive(changed)).rejects.toMatchObject({ reason: 'DigestMismatch' });
  });

  it('that is damaged by the registry is a DigestMismatch, not a malformed model', async () => {
    await expect(receive(Buffer.alloc(archive.length, 'x'))).rejects.toMatchObject({ reason: 'DigestMismatch' });
  });

  it('that is cut off by the registry is a DigestMismatch', async () => {
    await expect(receive(archive.subarray(0, 100_000))).rejects.toMatchObject({
      reason: 'DigestMismatch',
      message: expect.stringContaining(`100000 of ${archive.length} bytes`),
    });
  });

  it('that is longer than it should be is given up as soon as that shows', async () => {
    let sent = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          sent += 10_000;
          yield Buffer.alloc(10_000);
        }
      })(),
    );
    await expect(receive(archive, archive, endless)).rejects.toMatchObject({ reason: 'DigestMismatch' });
    expect(sent).toBeLessThan(archive.length + 300_000);
  });

  it('whose connection breaks may be had at the next try', async () => {
    const broken = Readable.from(
      (function* () {
        yield archive.subarray(0, 100_000);
        throw new Error('socket hang up');
      })(),
    );
    await expect(receive(archive, archive, broken)).rejects.toMatchObject({
      reason: 'SourceUnavailable',
      message: expect.stringContaining('socket hang up'),
    });
  });

  it('with the right bytes that are no archive is malformed', async () => {
    const text = Buffer.alloc(5000, 'x');
    await expect(receive(text, text)).rejects.toMatchObject({ reason: 'ModelMalformed' });
  });

  it('that does not fit on the disk ends the transfer', async () => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    const layer = { mediaType: TAR, digest: digestOf(archive), size: archive.length };
    const body = Readable.from(slices(archive));
    await expect(readLayer(body, layer, () => Promise.reject(full))).rejects.toMatchObject({ reason: 'DiskFull' });
    expect(body.destroyed).toBe(true);
  });

  it('is read as what its media type says', () => {
    const layer = (mediaType: string) => ({ mediaType, digest: 'sha256:x', size: 1 });
    expect(isCompressed(layer(TAR))).toBe(false);
    expect(isCompressed(layer(`${TAR}+gzip`))).toBe(true);
    expect(isCompressed(layer('application/vnd.docker.image.rootfs.diff.tar.gzip'))).toBe(true);
    expect(() => isCompressed(layer(`${TAR}+zstd`))).toThrow('zstd');
  });

  it('may be compressed', async () => {
    const packed = gzipSync(archive);
    const layer = { mediaType: `${TAR}+gzip`, digest: digestOf(packed), size: packed.length };
    const done = await readLayer(Readable.from([packed]), layer, (content) => untar(content, true, folder, LIMITS));
    expect(done).toEqual({ bytes: 300_000, files: 1 });
  });

  it('that is one file, as oras pushes it, is written under its title, inside the folder alone', async () => {
    const bytes = Buffer.from('{}'.repeat(100_000));
    const fetch = (title: string, sent = bytes) => {
      const annotations = { 'org.opencontainers.image.title': title };
      const layer = { mediaType: TAR, digest: digestOf(bytes), size: bytes.length, annotations };
      return readLayer(Readable.from(slices(sent)), layer, (content) =>
        untar(content, isCompressed(layer), folder, LIMITS),
      );
    };
    expect(await fetch('a/model.json')).toEqual({ bytes: 200_000, files: 1 });
    expect(readFileSync(join(folder, 'a/model.json'))).toEqual(bytes);
    await expect(fetch('../model.json')).rejects.toMatchObject({ reason: 'ModelMalformed' });
    await expect(fetch('cut', bytes.subarray(0, 50_000))).rejects.toMatchObject({ reason: 'DigestMismatch' });
  });

  it('that is a folder, as oras pushes it, is unpacked', () => {
    const annotations = { 'org.opencontainers.image.title': 'export', 'io.deis.oras.content.unpack': 'true' };
    expect(isCompressed({ mediaType: `${TAR}+gzip`, digest: '', size: 0, annotations })).toBe(true);
  });
});
