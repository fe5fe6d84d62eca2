import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { FatalError } from '../errors.ts';

/** A folder for files that live no longer than the server. @throws FatalError BadConfiguration */
export function tempFolder(candidates: readonly string[] = [tmpdir(), '/dev/shm']): string {
  for (const folder of candidates) {
    try {
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // The next one may do.
    }
  }
  throw new FatalError('BadConfiguration', `no folder to write to: mount one at ${candidates[0] ?? '/tmp'}`);
}
