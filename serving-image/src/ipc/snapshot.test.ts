import { describe, expect, it } from '@jest/globals';
import { parseWarmupReport } from '@modeldeployment/modelpack/contract';
import { type Snapshot, warmupReport } from './snapshot.ts';

const worker = (nonFinite: Snapshot['nonFinite']) => ({ nonFinite }) as Snapshot;

describe('the report of a warm-up', () => {
  it('has each output once, with the most values that any worker found', () => {
    const y = { signature: 's', output: 'y', values: 1 };
    const z = { signature: 's', output: 'z', values: 3 };
    expect(warmupReport([worker([y]), worker([]), worker([z, { ...y, values: 2 }])])).toEqual({
      nonFinite: [{ ...y, values: 2 }, z],
    });
  });

  it('fits into 64 KiB, whatever a model calls its outputs', () => {
    const name = '"'.repeat(100_000);
    const many = Array.from({ length: 10_000 }, (_, i) => ({ signature: name, output: `${i}${name}`, values: 1 }));
    const text = JSON.stringify(warmupReport([worker(many)]));
    expect(text.length).toBeLessThan(64 * 1024);
    expect(parseWarmupReport(text)?.nonFinite).toHaveLength(20);
  });

  it.each(['', 'null', '{}', '{"nonFinite":{}}', '[1]'])('is none in %j', (text) => {
    expect(parseWarmupReport(text)).toBeUndefined();
  });

  it('is read from whatever a server of another build says, without trust', () => {
    expect(parseWarmupReport('{"nonFinite":[null,{"output":1}],"more":true}')).toEqual({
      nonFinite: [
        { signature: '', output: '', values: 0 },
        { signature: '', output: '1', values: 0 },
      ],
    });
  });
});
