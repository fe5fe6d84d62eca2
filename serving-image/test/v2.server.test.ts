import { join } from 'node:path';
import { gzipSync, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { denseGraphModel, identitySavedModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
let server: Running;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  server = await bench.start({ MODEL_NAME: 'dense', MODEL_ENGINE: 'wasm', MAX_BODY_BYTES: '100000' });
  await server.logged('worker ready');
}, 600_000);
afterAll(() => bench.dispose());

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] });

async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  to = server,
) {
  const response = await fetch(to.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function get(path: string): Promise<unknown> {
  return (await fetch(server.url + path)).json();
}

/** A request with one binary input, all outputs wanted as bytes. */
function binary(datatype: string, shape: number[], data: Buffer): [Uint8Array<ArrayBuffer>, Record<string, string>] {
  const input = { name: 'x', datatype, shape, parameters: { binary_data_size: data.length } };
  const json = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': String(json.length),
  };
  return [Buffer.concat([json, data]), headers];
}

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

describe('binary tensors', () => {
  it('go in and come out', async () => {
    const answer = await post('/v2/models/dense/infer', ...binary('FP32', [1, 3], floats(1, 2, 3)));
    const jsonLength = Number(answer.headers.get('inference-header-content-length'));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
    expect(JSON.parse(answer.bytes.toString('utf8', 0, jsonLength))).toEqual({
      model_name: 'dense',
      model_version: '1',
      outputs: [{ name: 'y', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } }],
    });
    expect(answer.bytes.subarray(jsonLength)).toEqual(floats(22.5, 27.5));
  });

  it('may be the whole body, whatever curl calls it', async () => {
    const answer = await post('/v2/models/dense/infer', floats(1, 2, 3, 0, 0, 0), {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Inference-Header-Content-Length': '0',
    });
    expect(answer.bytes.subarray(-16)).toEqual(floats(22.5, 27.5, 0.5, -0.5));
  });

  it.each([
    ['FP16', Buffer.from(Uint16Array.from([0x3c00, 0xc000, 0x0001]).buffer)],
    ['BF16', Buffer.from(Uint16Array.from([0x3f80, 0xc000, 0x0080]).buffer)],
    ['FP64', Buffer.from(Float64Array.from([0.1, -1e300, Infinity]).buffer)],
    ['BYTES', Buffer.from([1, 0, 0, 0, 255, 0, 0, 0, 0, 2, 0, 0, 0, 0, 65])],
  ])(
    'of %s pass the engine unchanged',
    async (datatype, data) => {
      await identitySavedModel(join(bench.models, datatype, '1'), datatype as 'FP16');
      const other = await bench.start({ MODEL_NAME: datatype, MODEL_VERSION: '1' });
      await other.logged('worker ready');
      const answer = await post(`/v2/models/${datatype}/infer`, ...binary(datatype, [3], data), other);
      expect(answer.bytes.subarray(-data.length)).toEqual(data);
      other.process.kill('SIGTERM');
      await other.exited;
    },
    60_000,
  );
});

describe('a body of JSON', () => {
  it.each(['application/x-www-form-urlencoded', 'text/plain; charset=utf-8', 'Application/JSON', 'application/x+json'])(
    'may be said to be %s, as by both protocols',
    async (type) => {
      for (const [path, body] of [
        ['/v2/models/dense/infer', BODY],
        ['/v1/models/dense:predict', '{"instances":[[1,2,3]]}'],
      ] as const)
        expect((await post(path, body, { 'Content-Type': type })).status).toBe(200);
    },
  );
});

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync(BODY)],
    ['GZIP', gzipSync(BODY)],
    ['x-gzip', gzipSync(BODY)],
    ['X-Gzip', gzipSync(BODY)],
    ['deflate', deflateSync(BODY)],
    ['Deflate', deflateSync(BODY)],
    ['Identity', Buffer.from(BODY)],
  ])('of %s is unpacked', async (encoding, body) => {
    const answer = await post('/v2/models/dense/infer', body, { 'Content-Encoding': encoding });
    expect(answer.bytes.toString()).toContain('[22.5,27.5]');
  });

  it.each([
    ['larger than the limit once it is unpacked', gzipSync(' '.repeat(100_001)), 'gzip', 413],
    ['cut short', gzipSync(BODY).subarray(0, 20), 'gzip', 400],
    ['not compressed', Buffer.from(BODY), 'gzip', 400],
    ['of a kind that is not known', Buffer.from(BODY), 'br', 415],
  ])('that is %s is refused', async (_, body, encoding, status) => {
    const answer = await post('/v2/models/dense/infer', body, { 'Content-Encoding': encoding });
    expect([answer.status, Object.keys(JSON.parse(answer.bytes.toString()) as object)]).toEqual([status, ['error']]);
  });
});

describe('the extensions', () => {
  it('give the highest values of an output', async () => {
    const body = { ...(JSON.parse(BODY) as object), outputs: [{ name: 'y', parameters: { classification: 1 } }] };
    const answer = await post('/v2/models/dense/infer', JSON.stringify(body));
    expect(JSON.parse(answer.bytes.toString())).toMatchObject({ outputs: [{ shape: [1, 1], data: ['27.5:1'] }] });
  });

  it('list the repository, and take no orders', async () => {
    const entry = { name: 'dense', version: '1', state: 'READY', reason: '' };
    expect(JSON.parse((await post('/v2/repository/index', '')).bytes.toString())).toEqual([entry]);
    expect(JSON.parse((await post('/v2/repository/index', '{"ready":true}')).bytes.toString())).toEqual([entry]);
    expect((await post('/v2/repository/index', '{"ready":1}')).status).toBe(400);
    expect((await post('/v2/repository/models/dense/unload', '')).status).toBe(404);
  });

  it('show the configuration', async () => {
    expect(await get('/v2/models/dense/versions/1/config')).toMatchObject({
      name: 'dense',
      input: [{ name: 'x', data_type: 'TYPE_FP32' }],
    });
  });

  it('count what was asked', async () => {
    const stats = async () =>
      ((await get('/v2/models/dense/stats')) as { model_stats: [{ inference_count: number; inference_stats: object }] })
        .model_stats[0];
    const before = await stats();
    await post('/v2/models/dense/infer', BODY);
    await post('/v2/models/dense/infer', '{');
    const after = await stats();
    expect(after.inference_count - before.inference_count).toBe(1);
    expect(after.inference_stats).toMatchObject({ fail: { count: expect.any(Number) } });
    expect(await get('/v2/models/stats')).toMatchObject({ model_stats: [{ name: 'dense' }] });
  });
});
