import { describe, expect, it } from '@jest/globals';
import { coalesced } from './coalesced.ts';

describe('what is asked for by many', () => {
  const made: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const ask = coalesced(() => new Promise<number>((resolve, reject) => made.push({ resolve, reject })));

  it('is made one at a time, and never before it was asked for', async () => {
    const first = ask();
    const others = [ask(), ask(), ask()];
    expect(made).toHaveLength(1);
    made[0]?.resolve(1);
    expect(await first).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toHaveLength(2);
    const late = ask();
    made[1]?.reject(new Error('not this time'));
    expect((await Promise.allSettled(others)).map(({ status }) => status)).toEqual(others.map(() => 'rejected'));
    await new Promise((resolve) => setImmediate(resolve));
    made[2]?.resolve(3);
    expect(await late).toBe(3);
    await new Promise((resolve) => setImmediate(resolve));
    void ask();
    expect(made).toHaveLength(4);
  });
});
