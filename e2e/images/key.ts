import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A name for the content of files and folders (their tests left out) and some words: equal input, equal image. */
export function contentKey(root: string, paths: readonly string[], words: readonly string[] = []): string {
  const hash = createHash('sha256').update(words.join('\n'));
  for (const path of paths.flatMap((name) => files(join(root, name))).sort()) {
    hash.update(`\n${relative(root, path)}\n`).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

function files(path: string): string[] {
  const entries = (() => {
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
      throw error;
    }
  })();
  if (entries === undefined) return [path];
  return entries
    .filter(({ name }) => !/\.test\.ts$|^(?:node_modules|dist|testing)$/.test(name))
    .flatMap(({ name }) => files(join(path, name)));
}
