/** Words that this code once had of its own stand nowhere: the field's terms do (docs/architecture.md). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each with what is said instead. In the code of the server and of what asks it; other programs mean other things by some. */
const OLD: Readonly<Record<string, string>> = {
  berth: 'version entry',
  lobby: 'fallback API',
  desk: 'trial coordinator',
  crew: 'worker processes',
  wishes: 'model source',
  lane: 'fast path',
  door: 'socket, peer server',
  doors: 'sockets',
  fleet: 'version manager',
  ledger: 'in-flight file',
  tally: 'counts',
  reception: 'connection router',
  unfilled: 'array slab',
};

const files = execFileSync('git', ['ls-files', 'serving-image', 'bench', 'conformance'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.gen.ts'));

/** `camelCase` and `kebab-case`, word by word, in lower case. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

function* namesIn(file: string): Generator<string> {
  yield file;
  const text = readFileSync(`${root}${file}`, 'utf8');
  for (const [comment] of text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm)) yield comment;
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  yield* found;
}

describe('names and comments of the server', () => {
  it('are in the words of the field', () => {
    expect(files.length).toBeGreaterThan(300);
    const wrong = new Set<string>();
    for (const file of files)
      for (const name of namesIn(file))
        for (const word of wordsOf(name)) if (Object.hasOwn(OLD, word)) wrong.add(`${file}: ${word}; say ${OLD[word]}`);
    expect([...wrong]).toEqual([]);
  });
});
