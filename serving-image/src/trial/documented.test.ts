import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import {
  FALLBACK,
  FORWARDED_HEADER,
  TRAFFIC_ANNOTATION,
  TRIAL_PATH,
  UNCOUNTED_HEADER,
  VIA_HEADER,
} from '@modeldeployment/modelpack/traffic';
import { METRICS } from '../telemetry/definitions.ts';
import { emptyCounts } from './counts.ts';

it('docs/traffic.md has every metric, field of the report, cause and name', async () => {
  const text = await readFile(new URL('../../../docs/traffic.md', import.meta.url), 'utf8');
  const { forwarded, forwardedDuration, mirrored, replayed } = METRICS;
  const metrics = [forwarded, forwardedDuration, mirrored, replayed].map(({ name }) => name);
  const { own, ...counts } = emptyCounts('trial');
  const fields = [
    'own',
    ...Object.keys(own),
    ...Object.keys(counts),
    ...Object.keys(counts.mirror),
    ...Object.keys(counts.golden),
  ];
  const told = [
    ...metrics,
    ...fields,
    ...Object.keys(FALLBACK),
    FORWARDED_HEADER,
    UNCOUNTED_HEADER,
    VIA_HEADER,
    TRAFFIC_ANNOTATION,
  ];
  expect(told.filter((name) => !text.includes(`\`${name}\``) && !text.includes(`"${name}":`))).toEqual([]);
  expect(text).toContain(TRIAL_PATH);
});
