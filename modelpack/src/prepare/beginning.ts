import { open } from 'node:fs/promises';
import { type FileKind, recognise, TELLING_BYTES } from './recognise.ts';
import { OTHER } from './other-formats.ts';

/** What a file is, by its first bytes. */
export async function kindOf(path: string): Promise<FileKind> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TELLING_BYTES), 0, TELLING_BYTES, 0);
    return recognise(buffer.subarray(0, bytesRead), size);
  } finally {
    await file.close();
  }
}

/** A clone or a download may have left something else in the place of a file. Throws ModelError ModelMalformed. */
export async function checkItself(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'lfsPointer' || kind === 'page' || kind === 'empty') throw OTHER[kind](path);
}
