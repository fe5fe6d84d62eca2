import { describe, expect, it } from '@jest/globals';
import { FAILURE, type FailureReason } from './contract.ts';
import { ModelError } from './failure.ts';
import { pauseAfter, retry } from './retry.ts';

describe('after a failure', () => {
  const definite = (Object.keys(FAILURE) as FailureReason[]).filter((reason) => FAILURE[reason].definite);

  it.each([...definite, 'Unauthorized', 'DiskFull'] as FailureReason[])('%s is told at once', (reason) => {
    expect(pauseAfter(new ModelError(reason, ''), 0)).toBeUndefined();
  });

  it('that may pass, the pauses grow and end', () => {
    const pauses = [0, 1, 2, 3].map((attempt) => pauseAfter(new ModelError('SourceUnavailable', ''), attempt));
    expect(pauses).toEqual([500, 2000, 5000, undefined]);
  });

  it('the time that the registry asks for is kept, unless it is too long to wait', () => {
    const asked = (retryAfterMs: number) => pauseAfter(new ModelError('SourceUnavailable', '', { retryAfterMs }), 0);
    expect([100, 7_000, 60_000].map(asked)).toEqual([500, 7_000, undefined]);
  });

  it('another attempt may succeed', async () => {
    const slept: number[] = [];
    let attempts = 0;
    const run = async (): Promise<string> => {
      if (++attempts < 3) throw new ModelError('FetchTimeout', 'silent');
      return 'done';
    };
    expect(await retry(run, { sleep: async (ms) => void slept.push(ms) })).toBe('done');
    expect(slept).toEqual([500, 2000]);
  });

  it('of the disk the reason is DiskFull', async () => {
    const run = () => Promise.reject(Object.assign(new Error('write'), { code: 'ENOSPC' }));
    await expect(retry(run)).rejects.toMatchObject({ reason: 'DiskFull' });
  });
});
