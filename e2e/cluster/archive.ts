import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import tar from 'tar-stream';

/** Writes an image of a single static program as a docker archive, which containerd imports. */
export async function writeProgramImage(file: string, ref: string, program: string, path: string): Promise<void> {
  const layer = await pack([{ name: path.replace(/^\//, ''), mode: 0o755, bytes: await readFile(program) }]);
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Entrypoint: [path] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    }),
  );
  const names = { config: `${sha256(config)}.json`, layer: `${sha256(layer)}/layer.tar` };
  const manifest = Buffer.from(JSON.stringify([{ Config: names.config, RepoTags: [ref], Layers: [names.layer] }]));
  const archive = await pack([
    { name: names.config, mode: 0o644, bytes: config },
    { name: names.layer, mode: 0o644, bytes: layer },
    { name: 'manifest.json', mode: 0o644, bytes: manifest },
  ]);
  await writeFile(file, archive);
}

async function pack(files: { name: string; mode: number; bytes: Buffer }[]): Promise<Buffer> {
  const archive = tar.pack();
  for (const { name, mode, bytes } of files) archive.entry({ name, mode, mtime: new Date(0) }, bytes);
  archive.finalize();
  return Buffer.concat((await Readable.from(archive).toArray()) as Buffer[]);
}
