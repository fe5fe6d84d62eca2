import { describe, expect, it } from '@jest/globals';

import { RequestError, RunError, ClientGone } from '../errors.ts';
import { type Predictor, type Tensor } from '../model/types.ts';
import { exposition, retained } from './exposition.ts';
import { Meter } from './meter.ts';
import { countNonFinite, observed } from './instrumented-predictor.ts';
import { reasonOf } from './reasons.ts';
import { Statistics } from './statistics.ts';

const meterOf = (model: string, version: string) => new Meter({ own: { model, version } });

describe('a meter', () => {
  it('counts by label, and in buckets that hold all up to their bound', async () => {
    const meter = meterOf('m', '1');
    meter.counter('requests', 'v2', '200').value += 2;
    meter.counter('requests', 'v1', '400').value++;
    meter.counter('requests', 'v2', '200').value++;
    const rows = meter.histogram('rows');
    for (const value of [1, 2, 3, 5000]) rows.observe(value);
    const { text } = await exposition([meter.snapshot()], 'own');
    expect(text).toContain('modeldeployment_requests_total{protocol="v2",code="200",model="m",version="1"} 3\n');
    expect(text).toContain('modeldeployment_requests_total{protocol="v1",code="400",model="m",version="1"} 1\n');
    const bucket = (le: string) =>
      Number(new RegExp(`batch_rows_bucket\\{le="${le.replace('+', '\\+')}"[^}]*\\} (\\d+)`).exec(text)?.[1]);
    expect(['1', '2', '4', '1024', '+Inf'].map(bucket)).toEqual([1, 2, 3, 3, 4]);
    expect(text).toContain('modeldeployment_batch_rows_sum{model="m",version="1"} 5006\n');
    expect(text).toContain('modeldeployment_batch_rows_count{model="m",version="1"} 4\n');
  });

  it('of several processes is one: counts are added, of some gauges the largest or smallest is shown', async () => {
    const snapshots = [1, 2].map((worker) => {
      const meter = meterOf('m', '1');
      meter.counter('refused', 'cpu').value = worker;
      meter.gauge('load', () => worker * 10);
      meter.gauge('readySince', () => worker * 100);
      meter.gauge('inflight', () => worker);
      return meter.snapshot();
    });
    const { text } = await exposition(snapshots, 'own');
    expect(text).toContain('engine_failures_total{engine="cpu",model="m",version="1"} 3\n');
    expect(text).toContain('model_load_seconds{model="m",version="1"} 20\n');
    expect(text).toContain('model_ready_timestamp_seconds{model="m",version="1"} 100\n');
    expect(text).toContain('requests_inflight{model="m",version="1"} 3\n');
  });

  it('shows each page its own names', async () => {
    const meter = new Meter({});
    for (const key of ['success', 'lostRequests', 'requestCount'] as const) meter.counter(key, 'x');
    const names = async (page: Parameters<typeof exposition>[1]) =>
      [...(await exposition([meter.snapshot()], page)).text.matchAll(/# TYPE (\S+)/g)].map(([, name]) => name);
    expect(await names('own')).toEqual(['modeldeployment_requests_lost_total']);
    expect(await names('triton')).toEqual(['nv_inference_request_success']);
    expect(await names('tensorflow')).toEqual([':tensorflow:serving:request_count']);
    expect(await names('all')).toHaveLength(3);
  });
});

describe('what stays of a worker that is gone', () => {
  it('are its counts, as long as its version is known', async () => {
    const snapshot = (version: string) => {
      const meter = meterOf('m', version);
      meter.counter('refused', 'cpu').value = 5;
      meter.histogram('rows').observe(1);
      meter.gauge('load', () => 1);
      return meter.snapshot();
    };
    const catalog = {
      models: [{ name: 'm', versions: [{ version: '2', state: 'LOADING', sockets: [] }], labels: {} }],
    };
    const kept = await retained([snapshot('1'), snapshot('2'), snapshot('2')], catalog as never);
    const { text } = await exposition([kept], 'own');
    expect(text).toContain('engine_failures_total{engine="cpu",model="m",version="2"} 10\n');
    expect(text).toContain('batch_rows_count{model="m",version="2"} 2\n');
    expect(text).not.toContain('version="1"');
    expect(text).not.toContain('load_seconds');
  });
});

describe('a run of a model', () => {
  const output = (...values: number[]): Tensor => ({
    name: 'y',
    dtype: 'FP32',
    shape: [values.length],
    data: Float32Array.from(values),
  });

  it('is counted with its rows and what is not finite, and the ledger is written before it', async () => {
    const meter = meterOf('m', '1');
    const events: string[] = [];
    let answer: () => Promise<Tensor[]> = () => Promise.resolve([output(1, NaN, Infinity)]);
    const predictor: Predictor = {
      signatures: new Map(),
      predict: () => {
        events.push('run');
        return answer();
      },
    };
    const watched = observed(predictor, new Statistics(meter, 'cpu'), { flush: () => events.push('flush') });
    await watched.predict('s', [{ name: 'x', dtype: 'FP32', shape: [7, 1], data: new Float32Array(7) }]);
    expect(events).toEqual(['flush', 'run']);
    answer = () => Promise.reject(new RunError('no'));
    await expect(watched.predict('s', [])).rejects.toThrow('no');
    const { text } = await exposition([meter.snapshot()], 'own');
    expect(text).toContain('batch_rows_sum{model="m",version="1"} 7\n');
    expect(text).toContain('nonfinite_outputs_total{model="m",version="1"} 2\n');
    expect(text).toContain('engine_failures_total{engine="cpu",model="m",version="1"} 1\n');
  });

  it.each<[Tensor[], number]>([
    [[output(1, 2)], 0],
    [[output(NaN), output(-Infinity, 1)], 2],
    [[output(Infinity, -Infinity)], 2],
    [[{ ...output(), dtype: 'INT64', data: BigInt64Array.from([1n]) }], 0],
    [[{ ...output(), dtype: 'FP64', data: Float64Array.from([1e308, 1e308]) }], 0],
  ])('%# has its non-finite values counted', (tensors, count) => {
    expect(countNonFinite(tensors)).toBe(count);
  });
});

describe('the reason of an error', () => {
  it.each([
    [new RequestError(400, ''), 'invalid_request'],
    [new RequestError(404, ''), 'not_found'],
    [new RequestError(413, ''), 'too_large'],
    [new RequestError(503, ''), 'overloaded'],
    [new RequestError(504, ''), 'too_late'],
    [new RequestError(500, ''), 'internal'],
    [new RunError(''), 'refused_by_model'],
    [new RunError('', true), 'out_of_memory'],
    [new ClientGone(), 'client_gone'],
    [new TypeError('x'), 'internal'],
  ])('%s is %s', (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });
});
