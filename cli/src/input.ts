import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** A file, or stdin for -. */
export const readInput = (file: string): Promise<string> =>
  file === '-' ? text(process.stdin) : readFile(file, 'utf8');
