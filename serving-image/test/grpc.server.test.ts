import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HEALTH, MODELS, PREDICT, Rpc, V2 } from '../testing/grpc.ts';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
let server: Running;
let rpc: Rpc;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  server = await bench.start({
    MODEL_NAME: 'dense',
    MODEL_VERSION: '1',
    MODEL_ENGINE: 'wasm',
    MAX_BODY_BYTES: '100000',
  });
  await server.logged('worker ready');
  rpc = new Rpc(server.grpc);
}, 60_000);
afterAll(async () => {
  rpc.close();
  await bench.dispose();
});

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const x = { name: 'x', datatype: 'FP32', shape: [1, 3] };
const raw = { model_name: 'dense', inputs: [x], raw_input_contents: [floats(1, 2, 3)] };
const typed = { model_name: 'dense', inputs: [{ ...x, contents: { fp32_contents: [1, 2, 3] } }] };

describe('Open Inference over gRPC', () => {
  it('answers raw contents with raw ones', async () => {
    expect(await rpc.call(V2, 'ModelInfer', { ...raw, id: 'a' })).toEqual({
      model_name: 'dense',
      model_version: '1',
      id: 'a',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2] }],
      raw_output_contents: [floats(22.5, 27.5)],
    });
  });

  it('and typed contents with typed ones', async () => {
    expect(await rpc.call(V2, 'ModelInfer', { ...typed, model_version: '1', outputs: [{ name: 'y' }] })).toEqual({
      model_name: 'dense',
      model_version: '1',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [22.5, 27.5] } }],
    });
  });

  it.each([
    ['ServerLive', {}, { live: true }],
    ['ServerReady', {}, { ready: true }],
    ['ModelReady', { name: 'dense', version: '1' }, { ready: true }],
    ['ModelReady', { name: 'dense', version: '2' }, {}],
    ['ModelReady', { name: 'other' }, {}],
    ['ServerMetadata', {}, { name: 'modeldeployment-server' }],
    [
      'ModelMetadata',
      { name: 'dense' },
      { versions: ['1'], platform: 'tensorflowjs_graph_model', inputs: [{ ...x, shape: [-1, 3] }] },
    ],
    ['ModelConfig', { name: 'dense' }, { config: { input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [3] }] } }],
    ['ModelStatistics', {}, { model_stats: [{ name: 'dense', version: '1' }] }],
    ['RepositoryIndex', { ready: true }, { models: [{ name: 'dense', version: '1', state: 'READY' }] }],
  ])('answers %s of %j', async (name, request, answer) => {
    expect(await rpc.call(V2, name, request)).toMatchObject(answer);
  });

  it.each([
    ['an unknown model', { ...raw, model_name: 'other' }, status.NOT_FOUND, '"other"'],
    ['an unknown version', { ...raw, model_version: '7' }, status.NOT_FOUND, '"7"'],
    ['no inputs', { model_name: 'dense' }, status.INVALID_ARGUMENT, 'inputs'],
    ['a wrong datatype', { ...raw, inputs: [{ ...x, datatype: 'FP64' }] }, status.INVALID_ARGUMENT, 'expected FP32'],
    ['an unknown datatype', { ...typed, inputs: [{ ...x, datatype: 'FP8' }] }, status.INVALID_ARGUMENT, 'FP8'],
    ['a wrong shape', { ...raw, inputs: [{ ...x, shape: [1, 4] }] }, status.INVALID_ARGUMENT, 'shape'],
    ['too few bytes', { ...raw, raw_input_contents: [floats(1)] }, status.INVALID_ARGUMENT, '4 bytes'],
    ['raw and typed contents', { ...typed, raw_input_contents: [floats(1)] }, status.INVALID_ARGUMENT, 'one of them'],
    [
      'more raw contents than inputs',
      { ...raw, raw_input_contents: [floats(1), floats(1)] },
      status.INVALID_ARGUMENT,
      'has 2',
    ],
    [
      'contents of another type',
      { ...typed, inputs: [{ ...x, contents: { int_contents: [1] } }] },
      status.INVALID_ARGUMENT,
      'fp32_contents',
    ],
    ['an unknown output', { ...raw, outputs: [{ name: 'z' }] }, status.INVALID_ARGUMENT, '"z"'],
    [
      'a message over the limit',
      { ...raw, raw_input_contents: [Buffer.alloc(200_000)] },
      status.RESOURCE_EXHAUSTED,
      '',
    ],
    ['half a character', { ...raw, outputs: [{ name: `${'x'.repeat(59)}😀😀` }] }, status.INVALID_ARGUMENT, 'xxx'],
  ])('refuses %s', async (_, request, code, words) => {
    const outcome = await rpc.call(V2, 'ModelInfer', request);
    expect(outcome).toMatchObject({ code });
    expect(outcome.details).toContain(words);
    expect(await rpc.call(V2, 'ModelInfer', raw)).toMatchObject({ model_version: '1' });
  });

  it('is counted under its own protocol', async () => {
    await rpc.call(V2, 'ModelInfer', raw);
    expect(await server.metric(/modeldeployment_requests_total\{.*protocol="v2-grpc",code="200"/)).toBeGreaterThan(0);
  });
});

describe('TensorFlow Serving over gRPC', () => {
  const spec = { name: 'dense' };
  const tensor = (fields: object) => ({ dtype: 1, tensor_shape: { dim: [{ size: 1 }, { size: 3 }] }, ...fields });
  const y = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 2 }] }, float_val: [22.5, 27.5] };

  it.each([
    ['values', tensor({ float_val: [1, 2, 3] })],
    ['bytes', tensor({ tensor_content: floats(1, 2, 3) })],
  ])('predicts from %s', async (_, value) => {
    const request = { model_spec: { ...spec, version: { value: 1 } }, inputs: { x: value }, output_filter: ['y'] };
    expect(await rpc.call(PREDICT, 'Predict', request)).toEqual({
      model_spec: { name: 'dense', version: { value: 1 }, signature_name: 'serving_default' },
      outputs: { y },
    });
  });

  it('repeats the last of too few values, as TensorFlow does', async () => {
    const request = { model_spec: spec, inputs: { x: tensor({ float_val: [0] }) } };
    expect(await rpc.call(PREDICT, 'Predict', request)).toMatchObject({ outputs: { y: { float_val: [0.5, -0.5] } } });
  });

  it.each([
    ['no model', {}, status.INVALID_ARGUMENT, 'Missing ModelSpec'],
    [
      'an unknown model',
      { model_spec: { name: 'no' } },
      status.NOT_FOUND,
      'Servable not found for request: Latest(no)',
    ],
    [
      'an unknown version',
      { model_spec: { ...spec, version: { value: 9 } } },
      status.NOT_FOUND,
      'Servable not found for request: Specific(dense, 9)',
    ],
    ['an unknown label', { model_spec: { ...spec, version_label: 'stable' } }, status.INVALID_ARGUMENT, 'label'],
    ['an unknown signature', { model_spec: { ...spec, signature_name: 'other' } }, status.INVALID_ARGUMENT, 'other'],
    [
      'a type no model takes',
      { model_spec: spec, inputs: { x: tensor({ dtype: 8 }) } },
      status.INVALID_ARGUMENT,
      'COMPLEX64',
    ],
    [
      'more values than the shape takes',
      { model_spec: spec, inputs: { x: tensor({ float_val: [1, 2, 3, 4] }) } },
      status.INVALID_ARGUMENT,
      '4 values',
    ],
  ])('refuses %s', async (_, request, code, words) => {
    const outcome = await rpc.call(PREDICT, 'Predict', request);
    expect(outcome).toMatchObject({ code });
    expect(outcome.details).toContain(words);
  });

  it('tells the signatures', async () => {
    const { metadata, model_spec } = (await rpc.call(PREDICT, 'GetModelMetadata', {
      model_spec: spec,
      metadata_field: ['signature_def'],
    })) as { metadata: { signature_def: { type_url: string; value: Buffer } }; model_spec: object };
    expect(model_spec).toEqual({ name: 'dense', version: { value: 1 } });
    expect(metadata.signature_def.type_url).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap');
    expect(metadata.signature_def.value.toString('latin1')).toContain('serving_default');
  });

  it('tells the state of the versions', async () => {
    expect(await rpc.call(MODELS, 'GetModelStatus', { model_spec: spec })).toEqual({
      model_version_status: [{ version: 1, state: 'AVAILABLE', status: expect.anything() as unknown }],
    });
  });
});

describe('the standard services', () => {
  it.each(['', V2, PREDICT])('say that "%s" is serving', async (service) => {
    expect(await rpc.call(HEALTH, 'Check', { service })).toEqual({ status: 'SERVING' });
  });

  it('know no other', async () => {
    expect(await rpc.call(HEALTH, 'Check', { service: 'other' })).toMatchObject({ code: status.NOT_FOUND });
  });
});
