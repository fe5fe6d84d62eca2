import { describe, expect, it } from '@jest/globals';
import { makeProgram } from '../program.ts';
import { completionOf } from './complete.ts';

const after = (line: string) => completionOf(makeProgram(), line.split(' '));
const wordsAfter = (line: string): string[] => {
  const completion = after(line);
  return completion.kind === 'words' ? completion.words.map(({ word }) => word) : [];
};

describe('completion', () => {
  it('begins with the commands, each with its meaning', () => {
    const completion = after('');
    expect(wordsAfter('')).toEqual(expect.arrayContaining(['get', 'undo', 'push', 'completion']));
    expect(completion.kind === 'words' && completion.words.every(({ meaning }) => meaning)).toBe(true);
  });

  it.each([
    ['get ', 'names'],
    ['undo ', 'names'],
    ['get -n ', 'namespaces'],
    ['get digits --namespace ', 'namespaces'],
    ['--context ', 'contexts'],
    ['get --cluster ', 'clusters'],
    ['get --user ', 'users'],
    ['diff -f ', 'files'],
    ['predict digits -f ', 'files'],
    ['push ', 'files'],
    ['inspect ', 'files'],
  ])('after "%s" asks for %s', (line, kind) => {
    expect(after(line).kind).toBe(kind);
  });

  it('offers the revisions of the ModelDeployment that is named, wherever that is', () => {
    expect(after('undo digits --to-revision ')).toEqual({ kind: 'revisions', of: 'digits' });
    expect(after('history -n prod digits --revision ')).toEqual({ kind: 'revisions', of: 'digits' });
    expect(after('undo --to-revision ')).toEqual({ kind: 'words', words: [] });
  });

  it('offers the values that an option or argument can have', () => {
    expect(wordsAfter('get digits -o ')).toEqual(['text', 'json', 'yaml', 'name']);
    expect(wordsAfter('completion ')).toEqual(['kubectl', 'bash', 'zsh', 'fish']);
  });

  it('offers the flags of the command and those that all have', () => {
    const flags = wordsAfter('undo digits --');
    expect(flags).toEqual(expect.arrayContaining(['--to-revision', '--wait', '--namespace']));
    expect(flags).not.toContain('--watch');
  });

  it('offers nothing where nothing can follow', () => {
    expect(wordsAfter('get digits ')).toEqual([]);
    expect(wordsAfter('push folder ')).toEqual([]);
  });
});
