import { describe, expect, it } from '@jest/globals';
import { exposition } from './exposition.ts';
import { Meter } from './meter.ts';
import { readStatistics, Statistics } from './statistics.ts';

function worker(version: string) {
  const labels = { model: 'm', version };
  const meter = new Meter({ own: labels, triton: labels });
  return { statistics: new Statistics(meter, 'wasm'), snapshot: () => meter.snapshot() };
}

describe('statistics', () => {
  it('are those of all workers together, for each version', async () => {
    const [first, second, other] = [worker('1'), worker('1'), worker('2')];
    first.statistics.ran(32, 1, 0);
    first.statistics.succeeded({ request: 3, queue: 0.5, input: 1, infer: 1, output: 0.25 });
    second.statistics.ran(32, 2, 0);
    second.statistics.ran(1000, 4, 0);
    second.statistics.succeeded({ request: 2, queue: 0, input: 0.5, infer: 1, output: 0.25 });
    second.statistics.failed(1, 'invalid_request');
    second.statistics.failed(2, 'internal');
    const snapshots = [first, second, other].map(({ snapshot }) => snapshot());
    const [one, two] = readStatistics((await exposition(snapshots, 'triton')).text);
    expect(one).toMatchObject({
      name: 'm',
      version: '1',
      inference_count: 1064,
      execution_count: 3,
      inference_stats: {
        success: { count: 2, ns: 5_000_000 },
        fail: { count: 2, ns: 3_000_000 },
        queue: { count: 2, ns: 500_000 },
        compute_input: { count: 2, ns: 1_500_000 },
        compute_infer: { count: 2, ns: 2_000_000 },
        compute_output: { count: 2, ns: 500_000 },
      },
      batch_stats: [
        { batch_size: 32, compute_infer: { count: 2, ns: 3_000_000 } },
        { batch_size: 1024, compute_infer: { count: 1, ns: 4_000_000 } },
      ],
    });
    expect(one?.last_inference).toBeGreaterThan(Date.now() - 60_000);
    expect(two).toMatchObject({ version: '2', inference_count: 0, last_inference: 0 });
  });
});
