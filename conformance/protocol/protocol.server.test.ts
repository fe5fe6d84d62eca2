import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { Bench, until } from '../../serving-image/testing/server.ts';
import { runSuite, type Report } from './run.ts';
import { MODEL } from './models.ts';
import { writeSuiteModels } from './suite-models.ts';

let bench: Bench;
let report: Report;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
  await writeSuiteModels(bench.models);
  const server = await bench.start({});
  await until(async () => (await fetch(`${server.url}/v2/health/ready`)).status, 200);
  report = await runSuite(new URL(server.url), MODEL.dense);
}, 600_000);
afterAll(() => bench.dispose());

describe('the protocol suite', () => {
  it.each(['v1', 'v2'] as const)('finds nothing wrong with what the server answers to %s', (protocol) => {
    const wrong = report.verdicts.filter((verdict) => verdict.protocol === protocol && verdict.problem !== undefined);
    expect(wrong.map(({ title, problem }) => `${title}: ${problem}`)).toEqual([]);
  });

  it('has at least 250 cases of v2 and 80 of v1, each under its own title', () => {
    const titles = (protocol: string) =>
      report.verdicts.filter((one) => one.protocol === protocol).map(({ title }) => title);
    for (const [protocol, least] of [
      ['v2', 250],
      ['v1', 80],
    ] as const) {
      expect(new Set(titles(protocol)).size).toBe(titles(protocol).length);
      expect(titles(protocol).length).toBeGreaterThanOrEqual(least);
    }
    expect(report.skipped).toBe(0);
  });
});
