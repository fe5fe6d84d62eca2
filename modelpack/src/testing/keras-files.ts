/** Files of Keras and zips for tests, written as Keras writes them. */
import { createWriteStream, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { File, Group } from 'h5wasm';
import { ZipFile } from 'yazl';

/** Writes a file of HDF5. */
export async function writeHdf5(path: string, fill: (file: File) => void): Promise<void> {
  const { default: h5wasm } = await import('h5wasm');
  const { FS } = await h5wasm.ready;
  const file = new h5wasm.File('/written.h5', 'w');
  fill(file);
  file.close();
  writeFileSync(path, FS.readFile('/written.h5'));
  FS.unlink('/written.h5');
}

/** Numbers of one tensor; by default 0, 1, 2 … */
export function tensorIn(group: Group, name: string, shape: number[], values?: number[]): void {
  const count = shape.reduce((product, one) => product * one, 1);
  const data = Float32Array.from(values ?? Array.from({ length: count }, (_, i) => i));
  group.create_dataset({ name, data, shape, dtype: '<f4' });
}

/** The group at a path, made with those above it. */
export const groupAt = (root: Group, path: string): Group =>
  path
    .split('/')
    .reduce<Group>(
      (group, name) => (group.keys().includes(name) ? (group.get(name) as Group) : group.create_group(name)),
      root,
    );

/** A model of layers in one file, as Keras 2 writes it: weights by layer, each by its name and shape. */
export const writeKerasH5 = (
  path: string,
  config: unknown,
  weights: Readonly<Record<string, Readonly<Record<string, number[]>>>>,
  version = '2.15.0',
): Promise<void> =>
  writeHdf5(path, (file) => {
    if (config !== undefined) file.create_attribute('model_config', JSON.stringify(config));
    file.create_attribute('keras_version', version);
    const root = file.create_group('model_weights');
    root.create_attribute('layer_names', Object.keys(weights));
    for (const [layer, named] of Object.entries(weights)) {
      const group = groupAt(root, layer);
      const names = Object.keys(named);
      if (names.length > 0) group.create_attribute('weight_names', names);
      for (const [name, shape] of Object.entries(named)) {
        const parts = name.split('/');
        tensorIn(parts.length === 1 ? group : groupAt(group, parts.slice(0, -1).join('/')), parts.at(-1) ?? '', shape);
      }
    }
  });

/** Weights by the paths of Keras 3. */
export const writeKerasWeights = (path: string, weights: Readonly<Record<string, number[]>>): Promise<void> =>
  writeHdf5(path, (file) => {
    for (const [name, shape] of Object.entries(weights)) {
      const parts = name.split('/');
      tensorIn(groupAt(file, parts.slice(0, -1).join('/')), parts.at(-1) ?? '', shape);
    }
  });

export async function writeZip(path: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files))
    zip.addBuffer(Buffer.from(content), name, { mtime: new Date(0), compress: false });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}
