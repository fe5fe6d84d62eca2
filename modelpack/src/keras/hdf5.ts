import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Attribute as AttributeOf, Metadata, ready as libraryOf } from 'h5wasm';
import { ModelError } from '../failure.ts';
import type { Weight } from './layers-model.ts';

/** One file of HDF5, by the paths of its objects. A backslash in a name, which Keras on Windows writes, counts as `/`. */
export interface Hdf5File {
  /** Paths of all tensors, each without a `/` at its beginning. */
  readonly tensors: readonly string[];
  tensor(path: string): Weight | undefined;
  /** A text, a number, or a list of them; undefined when there is none. The path of the root is empty. */
  attribute(path: string, name: string): unknown;
  close(): void;
}

type H5Module = Awaited<typeof libraryOf>;

const NAME = 'model.h5';
/** A larger tensor is read in parts, so that the memory of the library stays small. */
const PART_BYTES = 64 * 1024 * 1024;
/** Deflate packs zeros no tighter; a tensor that claims more than that of its file is a lie. */
const TIGHTEST = 1032;

/**
 * Opens a file of HDF5. The library sees a file system in memory with this one file, which is read where it asks: links to other
 * files, and tensors that lie in other files, lead nowhere. One file may be open at a time. Throws ModelError ModelMalformed.
 */
export async function openHdf5(file: string): Promise<Hdf5File> {
  const { Attribute, File, ready } = await import('h5wasm');
  const library = await ready;
  // Else what is wrong is written to stderr, and told by no answer.
  library.activate_throwing_error_handler();
  const fd = openSync(file, 'r');
  const { size } = fstatSync(fd);
  lend(library, fd, size);
  let opened: InstanceType<typeof File> | undefined;
  const close = (): void => {
    opened?.close();
    library.FS.unlink(`/${NAME}`);
    closeSync(fd);
  };
  const sound = <T>(read: () => T): T => whole(file, read);
  try {
    const { file_id: id } = (opened = sound(() => new File(`/${NAME}`, 'r')));
    const names = sound(() => library.get_names(id, '/', true));
    const real = new Map(names.map((name) => [cleanPath(name), `/${name.replace(/^\/+/, '')}`]));
    const isTensor = (path: string): boolean => library.get_type(id, path) === library.H5G_DATASET;
    return {
      tensors: [...real].filter(([, path]) => sound(() => isTensor(path))).map(([path]) => path),
      tensor(path) {
        const place = real.get(path);
        if (place === undefined || !isTensor(place)) return undefined;
        return sound(() => new Hdf5Tensor({ library, id, path, place, file, size }));
      },
      attribute(path, name) {
        const place = path === '' ? '/' : real.get(path);
        if (place === undefined || !library.get_attribute_names(id, place).includes(name)) return undefined;
        return sound(() => attributeAt(library, Attribute, { id, place, name }));
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** What the library cannot read is damaged. */
function whole<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(
      'ModelMalformed',
      `${file} is HDF5 that cannot be read: it is cut short or damaged; copy it again`,
      { cause },
    );
  }
}

/** Keras writes texts in UTF-8, and h5py says of bytes that they are ASCII. The library takes them at their word. */
function attributeAt(
  library: H5Module,
  Attribute: typeof AttributeOf,
  at: { id: bigint; place: string; name: string },
): unknown {
  const { id, place, name } = at;
  const { type, vlen, cset } = library.get_attribute_metadata(id, place, name);
  if (type === TEXT && !vlen) return fixedTexts(library, at);
  const value: unknown = new Attribute(id, place, name).json_value;
  if (type !== TEXT || cset === UTF_8) return value;
  const decoded = (text: unknown): string => Buffer.from(String(text), 'latin1').toString();
  return Array.isArray(value) ? value.map(decoded) : decoded(value);
}

/** Texts of one length each, filled up with zeros. */
function fixedTexts(
  library: H5Module,
  { id, place, name }: { id: bigint; place: string; name: string },
): string | string[] {
  const { size, total_size: count, shape } = library.get_attribute_metadata(id, place, name);
  const memory = library._malloc(size * count);
  try {
    library.get_attribute_data(id, place, name, BigInt(memory));
    const texts = Array.from({ length: count }, (_, i) => {
      const bytes = library.HEAPU8.subarray(memory + i * size, memory + (i + 1) * size);
      return Buffer.from(bytes).toString().replace(/\0+$/, '');
    });
    return shape?.length === 0 ? (texts[0] ?? '') : texts;
  } finally {
    library._free(memory);
  }
}

const cleanPath = (name: string): string => name.replaceAll('\\', '/').replace(/^\/+/, '');

/** Shows a file that is open here to the library. */
function lend(library: H5Module, fd: number, size: number): void {
  const files = library.FS as unknown as LentFiles;
  const node = files.createFile('/', NAME, {}, true, false);
  Object.defineProperty(node, 'usedBytes', { get: () => size });
  node.stream_ops = {
    ...node.stream_ops,
    read: (_stream, memory, offset, length, position) => readSync(fd, memory, offset, length, position),
  };
}

/** What Emscripten's file system has, and its types do not tell. */
interface LentFiles {
  createFile(folder: string, name: string, properties: object, read: boolean, write: boolean): LentFile;
}
interface LentFile {
  stream_ops: {
    read(stream: unknown, memory: Int8Array, offset: number, length: number, position: number): number;
  };
}

const INTEGER = 0;
const FLOAT = 1;
const TEXT = 3;
const UTF_8 = 1;
const OPAQUE = 5;
const ENUMERATION = 8;

interface Place {
  library: H5Module;
  id: bigint;
  path: string;
  /** As the file calls it. */
  place: string;
  file: string;
  size: number;
}

class Hdf5Tensor implements Weight {
  readonly path: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  private readonly width: number;

  constructor(private readonly at: Place) {
    const { library, id, path, place, size } = at;
    const metadata = library.get_dataset_metadata(id, place);
    this.path = path;
    this.shape = metadata.shape ?? [];
    this.width = metadata.size;
    // HDF5 has no name for bfloat16; of nothing else Keras tells the type.
    this.dtype = library.get_attribute_names(id, place).includes('dtype') ? 'bfloat16' : typeOf(metadata);
    if (metadata.size * metadata.total_size > size * TIGHTEST)
      throw new ModelError('ModelMalformed', `the tensor ${path} claims more bytes than its file can hold`);
  }

  read(): Uint8Array {
    const [rows = 1, ...inner] = this.shape;
    const row = inner.reduce((product, one) => product * one, this.width);
    const bytes = new Uint8Array(rows * row);
    const most = Math.max(1, Math.floor(PART_BYTES / row));
    const { library } = this.at;
    const memory = library._malloc(Math.min(rows, most) * row);
    try {
      for (let from = 0; from < rows; from += most) {
        const part = Math.min(most, rows - from);
        whole(this.at.file, () => this.readRows(from, part, memory));
        bytes.set(library.HEAPU8.subarray(memory, memory + part * row), from * row);
      }
    } finally {
      library._free(memory);
    }
    return bytes;
  }

  /** A scalar has none to choose from. */
  private readRows(from: number, rows: number, memory: number): void {
    const [, ...inner] = this.shape;
    const list = (values: number[]): bigint[] | null => (this.shape.length === 0 ? null : values.map(BigInt));
    const [count, offset, strides] = [[rows, ...inner], [from, ...inner.map(() => 0)], this.shape.map(() => 1)].map(
      list,
    );
    const { library, id, place } = this.at;
    library.get_dataset_data(id, place, count ?? null, offset ?? null, strides ?? null, BigInt(memory));
  }
}

function typeOf({ type, size, signed }: Metadata): string {
  const bits = size * 8;
  if (type === FLOAT) return `float${bits}`;
  // h5py has no other way to write it.
  if (type === OPAQUE && size === 2) return 'bfloat16';
  if (type === INTEGER) return signed ? `int${bits}` : `uint${bits}`;
  return type === ENUMERATION && size === 1 ? 'bool' : 'unknown';
}
