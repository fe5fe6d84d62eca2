import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { status, type ClientDuplexStream, type ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HEALTH, methodOf, plain, Rpc, V2 } from '../testing/grpc.ts';
import { denseGraphModel, denseLayersModel } from '../testing/models.ts';
import { Bench, connectionsOf, until, type Running } from '../testing/server.ts';

let bench: Bench;
const rpcs: Rpc[] = [];
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  await denseGraphModel(join(bench.models, 'dense/2'));
  await denseLayersModel(join(bench.models, 'layers/1'));
}, 60_000);
afterAll(async () => {
  for (const rpc of rpcs) rpc.close();
  await bench.dispose();
});

const ENGINE = { MODEL_ENGINE: 'wasm' };
const ONE = { MODEL_NAME: 'dense', MODEL_VERSION: '1', ...ENGINE };
const request = {
  model_name: 'dense',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], contents: { fp32_contents: [1, 2, 3] } }],
};
const INFER = methodOf(V2, 'ModelInfer');

async function ready(env: Record<string, string>, workers = 1): Promise<Running> {
  const server = await bench.start(env);
  await server.logged('worker ready', workers);
  return server;
}

function connectTo(server: Running): Rpc {
  const rpc = new Rpc(server.grpc);
  rpcs.push(rpc);
  return rpc;
}

/** Without the library, which would connect anew by itself. */
function sessionWith(server: Running): ClientHttp2Session {
  const session = connect(`http://${server.grpc}`);
  session.on('error', () => undefined);
  return session;
}

/** A call by hand, whose message may be sent later. */
function begin(session: ClientHttp2Session): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': INFER.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
}

function message(content: object): Buffer {
  const bytes = INFER.requestSerialize(content);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Resolves with its grpc-status. */
async function end(stream: ClientHttp2Stream): Promise<unknown> {
  stream.resume();
  const [trailers] = (await once(stream, 'trailers')) as [Record<string, unknown>];
  return trailers['grpc-status'];
}

/** Resolves when the server has read all that was sent. */
const read = (session: ClientHttp2Session) => new Promise((resolve) => session.ping(resolve));

describe('gRPC connections', () => {
  it('are shared evenly by the workers', async () => {
    const server = await ready({ ...ONE, WORKERS: '2' }, 2);
    const clients = Array.from({ length: 6 }, () => sessionWith(server));
    for (const session of clients) {
      const stream = begin(session);
      stream.end(message(request));
      expect(await end(stream)).toBe('0');
    }
    const held = async () =>
      Promise.all((await server.workers()).map((pid) => connectionsOf(pid, server, server.grpc)));
    expect(await held()).toEqual([3, 3]);
    for (const session of clients) session.destroy();
  }, 30_000);

  it('are sent to another worker when theirs has more than its share', async () => {
    const server = await ready({ ...ONE, WORKERS: '2' }, 2);
    const sessions = Array.from({ length: 8 }, () => sessionWith(server));
    await Promise.all(sessions.map(read));
    // A dead worker's connections may be reset: that is nothing one of them was told.
    const told = new Promise((resolve) => sessions.forEach((session) => session.once('goaway', resolve)));
    const [first = 0] = await server.workers();
    process.kill(first, 'SIGKILL');
    await server.logged('worker ready', 3);
    // Those of the dead worker come back, but nobody else does: they alone do not make it even.
    for (const session of sessions.splice(0, 4)) session.destroy();
    await told;
  }, 30_000);

  it('answer a call that came before the stop, and take no other', async () => {
    const server = await ready(ONE);
    const session = sessionWith(server);
    await once(session, 'connect');
    const stream = begin(session);
    await read(session);
    const goaway = once(session, 'goaway');
    server.process.kill('SIGTERM');
    const [code] = (await goaway) as [number];
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    stream.end(message(request));
    expect(await end(stream)).toBe('0');
    expect(await server.exited).toBe(0);
  }, 30_000);

  it('that only watch do not hold up the end, and are told', async () => {
    const server = await ready(ONE);
    const rpc = connectTo(server);
    const { path, requestSerialize, responseDeserialize } = methodOf(HEALTH, 'Watch');
    const watch: ClientReadableStream<object> = rpc.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service: '' },
    );
    const seen: unknown[] = [];
    watch.on('error', () => undefined);
    watch.on('data', (update: object) => seen.push(plain(update).status));
    await until(() => Promise.resolve(seen), ['SERVING']);
    server.process.kill('SIGTERM');
    await once(watch, 'end');
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
    expect(await server.exited).toBe(0);
  }, 30_000);

  it('get UNAVAILABLE while there is no worker', async () => {
    const server = await ready(ONE);
    const [only = 0] = await server.workers();
    process.kill(only, 'SIGKILL');
    await server.logged('worker ended');
    const outcome = await connectTo(server).call(V2, 'ModelInfer', request);
    // It may be back already.
    if ('code' in outcome) expect(outcome.code).toBe(status.UNAVAILABLE);
    await server.logged('worker ready', 2);
    expect(await connectTo(server).call(V2, 'ServerReady', {})).toEqual({ ready: true });
  }, 30_000);
});

describe('several models', () => {
  it('are all asked on one connection', async () => {
    const server = await ready({ MODEL_VERSION_POLICY: 'all', ...ENGINE }, 3);
    const rpc = connectTo(server);
    const versions = ['1', '2'];
    for (const model_version of versions) {
      await until(
        async () => (await rpc.call(V2, 'ModelReady', { name: 'dense', version: model_version })).ready,
        true,
      );
      expect(await rpc.call(V2, 'ModelInfer', { ...request, model_version })).toMatchObject({ model_version });
    }
    expect(await rpc.call(V2, 'ModelInfer', request)).toMatchObject({ model_version: '2' });
    expect(await rpc.call(V2, 'ModelMetadata', { name: 'layers' })).toMatchObject({ name: 'layers', versions: ['1'] });
    expect(await rpc.call(V2, 'ModelInfer', { ...request, model_name: 'no' })).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(await rpc.call(V2, 'ModelInfer', { ...request, inputs: [] })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('inputs') as unknown,
    });
  }, 30_000);
});

describe('a stream', () => {
  it('of inferences answers each, and tells what is wrong with one alone', async () => {
    const server = await ready(ONE);
    const { path, requestSerialize, responseDeserialize } = methodOf(V2, 'ModelStreamInfer');
    const call: ClientDuplexStream<object, object> = connectTo(server).client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
    );
    const answers: Record<string, unknown>[] = [];
    call.on('data', (answer: object) => answers.push(plain(answer)));
    call.write({ ...request, id: 'a' });
    await until(() => Promise.resolve(answers.length), 1);
    call.write({ model_name: 'no', id: 'b' });
    call.end();
    await once(call, 'end');
    expect(answers).toMatchObject([
      { infer_response: { id: 'a', model_version: '1' } },
      { infer_response: { id: 'b' }, error_message: expect.stringContaining('"no"') as unknown },
    ]);
  }, 30_000);

  it.each(['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'])(
    'of %s tells what there is',
    async (name) => {
      const server = await ready(ONE);
      const method = methodOf('grpc.reflection.v1alpha.ServerReflection', 'ServerReflectionInfo');
      const call: ClientDuplexStream<object, object> = connectTo(server).client.makeBidiStreamRequest(
        `/${name}/ServerReflectionInfo`,
        method.requestSerialize,
        method.responseDeserialize,
      );
      const answers: Record<string, unknown>[] = [];
      call.on('data', (answer: object) => answers.push(plain(answer)));
      call.write({ list_services: '' });
      call.write({ file_containing_symbol: `${V2}.ModelInfer` });
      call.write({ file_by_filename: 'no.proto' });
      call.end();
      await once(call, 'end');
      expect(answers).toMatchObject([
        { list_services_response: { service: expect.arrayContaining([{ name: V2 }]) as unknown } },
        { file_descriptor_response: { file_descriptor_proto: [expect.anything(), expect.anything()] } },
        { error_response: { error_code: status.NOT_FOUND } },
      ]);
    },
    30_000,
  );
});
