import { describe, expect, it } from '@jest/globals';
import { readCorpus } from './corpus.ts';
import { TARGETS } from './targets.ts';

describe('what fuzzing has found worth keeping', () => {
  it.each(Object.keys(TARGETS))('is decoded or refused: %s', async (name) => {
    const corpus = await readCorpus(name);
    expect(corpus.length).toBeGreaterThan(0);
    for (const input of corpus) {
      try {
        TARGETS[name]?.(input);
      } catch (error) {
        throw new Error(`${input.toString('base64')}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
});
