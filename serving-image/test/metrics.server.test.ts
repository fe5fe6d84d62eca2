import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { METRICS, type Definition } from '../src/telemetry/definitions.ts';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, until, type Running } from '../testing/server.ts';

const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }] };

let bench: Bench;
let server: Running;
beforeAll(async () => {
  bench = await Bench.create();
  for (const version of ['1', '2']) await denseGraphModel(join(bench.models, 'dense', version));
  server = await bench.start({ MODEL_ENGINE: 'wasm', MODEL_VERSION_POLICY: 'all' });
  await until(async () => (await fetch(`${server.admin}/v2/health/ready`)).status, 200);
  for (const version of ['1', '2', '2']) await server.post(`/v2/models/dense/versions/${version}/infer`, BODY);
  await server.post('/v1/models/dense/versions/2:predict', { instances: [[1]] });
  await server.post('/v2/models/other/infer', BODY);
  const [, second = 0] = await server.workers();
  // A series appears with the first event of its kind: a worker that ends is one.
  process.kill(second, 'SIGKILL');
  await server.logged('worker ready', 3);
}, 60_000);
afterAll(() => bench.dispose());

const scrape = async (path: string) => (await fetch(`${server.admin}${path}`)).text();
const typesIn = (text: string) =>
  Object.fromEntries([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
const typesOf = (sets: readonly Definition['set'][]) =>
  Object.fromEntries(
    Object.values<Definition>(METRICS)
      .filter(({ set }) => sets.includes(set))
      .map(({ name, type }) => [name, type]),
  );

describe('the metrics of a running server', () => {
  it.each([
    ['/metrics', ['own', 'kserve']],
    ['/metrics/triton', ['triton']],
    ['/monitoring/prometheus/metrics', ['tensorflow']],
    ['/metrics/all', ['own', 'kserve', 'triton', 'tensorflow']],
  ] as const)('at %s are all those that are defined for it, and no others', async (path, sets) => {
    expect(typesIn(await scrape(path))).toEqual(typesOf(sets));
    expect(typesIn(await (await fetch(`${server.url}${path}`)).text())).toEqual(typesOf(sets));
  });

  it('are told apart by model and version', async () => {
    const text = await scrape('/metrics/all');
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#') || line.includes('process="supervisor"')) continue;
      expect(line).toMatch(/[{,](model|model_name)="dense"/);
      expect(line).toMatch(/[{,]version="[12]"/);
    }
    expect(text).toMatch(/^nv_inference_request_success\{model="dense",version="2"\} 2$/m);
    expect(text).toMatch(/^nv_inference_count\{model="dense",version="2"\} 4$/m);
    expect(text).toMatch(/^modeldeployment_batch_rows_bucket\{le="2",model="dense",version="2",revision=""\} 2$/m);
    expect(text).toMatch(/^modeldeployment_model_info\{engine="wasm",format="TFJSGraph",model="dense",version="1",/m);
    expect(text).toMatch(/^:tensorflow:serving:request_count\{status="OK",model_name="dense",version="2"\} 2$/m);
    expect(text).toMatch(
      /^:tensorflow:serving:request_count\{status="INVALID_ARGUMENT",model_name="dense",version="2"\} 1$/m,
    );
    expect(text).toMatch(/^request_predict_seconds_count\{model_name="dense",version="2"\} 2$/m);
    expect(text).toMatch(/^modeldeployment_model_version_state\{state="AVAILABLE",model="dense",version="1",/m);
  });
});
