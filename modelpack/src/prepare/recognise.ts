/** What a file is, by its first bytes. Pure. */
import type { OtherFormat } from './other-formats.ts';

export type FileKind = 'hdf5' | 'zip' | 'json' | 'savedModel' | OtherFormat;

/** So many bytes of its beginning tell. */
export const TELLING_BYTES = 4096;

const HDF5 = '\x89HDF\r\n\x1a\n';
/** HDF5 may lie behind a block of someone else's, whose size is a power of two. */
const HDF5_PLACES = [0, 512, 1024, 2048];

/* eslint-disable no-control-regex -- bytes are what is looked for */
const BEGINNINGS: readonly (readonly [text: string | RegExp, kind: FileKind])[] = [
  ['PK\x03\x04', 'zip'],
  ['version https://git-lfs.github.com/spec/', 'lfsPointer'],
  [/^(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<body)/i, 'page'],
  [/^(\xef\xbb\xbf)?\s*<\?xml/i, 'xml'],
  [/^(\xef\xbb\xbf)?\s*\{\s*["}]/, 'json'],
  [/^.{4}TFL3/s, 'tflite'],
  ['GGUF', 'gguf'],
  ['\x93NUMPY', 'numpy'],
  [/^\x80[\x02-\x05]/, 'pickle'],
  [/^(\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!)/, 'compressed'],
  [/^.{257}ustar/s, 'compressed'],
  // The length of a header in JSON.
  [/^[^\0].{0,3}\0{4,7}\{"/s, 'safetensors'],
  // The version of the schema, then a graph that is longer than any name of a tool.
  [/^\x08\x01\x12[\x80-\xff]/, 'savedModel'],
  [/^\x08[\x01-\x20]\x12[\x01-\x40][\x20-\x7e]/, 'onnx'],
  [/^\x0a[\x01-\xff]{1,3}\x0a[\x01-\x7f][\x20-\x7e]/, 'graphDef'],
];
/* eslint-enable no-control-regex */

/** `size`: of the whole file. */
export function recognise(beginning: Uint8Array, size: number): FileKind {
  if (size === 0) return 'empty';
  const text = Buffer.from(beginning).toString('latin1');
  if (HDF5_PLACES.some((at) => text.startsWith(HDF5, at))) return 'hdf5';
  const found = BEGINNINGS.find(([is]) => (typeof is === 'string' ? text.startsWith(is) : is.test(text)));
  return found?.[1] ?? 'unknown';
}
