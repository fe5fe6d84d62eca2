import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { measureAll } from './prometheus.ts';

describe('Prometheus', () => {
  const VARIABLES = { namespace: 'team-a', name: 'digits', stable: 3, target: 4 };
  let answer: [status: number, body: string];
  let asked: URL[];
  let base: string;
  const server = http.createServer(({ url = '' }, response) => {
    asked.push(new URL(url, base));
    response.writeHead(answer[0]).end(answer[1]);
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`;
  });
  beforeEach(() => void (asked = []));
  afterAll(() => void server.close());

  const measure = async (query = 'up', url: string | undefined = base) => {
    const queries = [{ name: 'a', query, max: 5 }];
    const [measurement] = await measureAll(url, queries, VARIABLES, {
      now: () => 7,
      signal: new AbortController().signal,
    });
    return measurement;
  };
  const success = (data: object): [number, string] => [200, JSON.stringify({ status: 'success', data })];
  const vector = (...values: string[]) =>
    success({ resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) });

  it('is asked with the variables filled in and the namespace beside them', async () => {
    answer = vector('1');
    await measure('errors{namespace="{{namespace}}",revision="{{target}}"} + 1 & x');
    expect(asked.map((url) => [url.pathname, [...url.searchParams]])).toEqual([
      [
        '/base/api/v1/query',
        [
          ['query', 'errors{namespace="team-a",revision="4"} + 1 & x'],
          ['namespace', 'team-a'],
        ],
      ],
    ]);
  });

  it.each([
    ['a scalar', success({ resultType: 'scalar', result: [1, '2.5'] }), { value: 2.5 }],
    ['one series', vector('3'), { value: 3 }],
    ['several series', vector('3', '8', '1'), { value: 8 }],
    ['an infinity', vector('+Inf'), { value: Infinity }],
    ['no series', vector(), { trouble: 'Prometheus has no such series' }],
    ['what is not a number', vector('NaN'), { trouble: 'the value is not a number (NaN), as of 0 / 0' }],
    [
      'a range',
      success({ resultType: 'matrix', result: [] }),
      { trouble: 'the query gives neither a number nor series with one number each' },
    ],
    [
      'an error of the query',
      [400, JSON.stringify({ status: 'error', error: '1:3: parse error' })] as [number, string],
      { trouble: 'Prometheus says: 1:3: parse error' },
    ],
    ['an error of a proxy', [502, 'bad gateway'] as [number, string], { trouble: 'HTTP 502' }],
    ['another page', [200, '<html>'] as [number, string], { trouble: 'the answer is not one of Prometheus' }],
    ['null', [200, 'null'] as [number, string], { trouble: 'the answer is not one of Prometheus' }],
  ])('that answers %s is understood', async (_, given, expected) => {
    answer = given;
    expect(await measure()).toEqual({ name: 'a', query: 'up', time: 7, ...expected });
  });

  it('that is away or unknown leaves no number', async () => {
    expect((await measure('up', 'http://127.0.0.1:1'))?.trouble).toBe('ECONNREFUSED');
    const [nowhere] = await measureAll(undefined, [{ name: 'a', query: 'up', max: 1 }], VARIABLES, {
      now: () => 7,
      signal: new AbortController().signal,
    });
    expect(nowhere?.trouble).toContain('analysis.prometheusUrl');
  });
});
