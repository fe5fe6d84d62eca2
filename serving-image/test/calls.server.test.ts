import { once } from 'node:events';
import { connect, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { BufferedRequest } from '../src/handlers/request.ts';

import { RequestError, unavailable, ClientGone } from '../src/errors.ts';
import { Admission } from '../src/handlers/admission.ts';
import { createLog } from '../src/telemetry/log.ts';
import { methodOf, PREDICT, Rpc, V2 } from '../testing/grpc.ts';
import { until } from '../testing/server.ts';
import { GrpcServer } from '../src/grpc/server.ts';
import type { ApiResponse } from '../src/handlers/response.ts';

let asked: BufferedRequest[];
let answer: (ask: BufferedRequest) => Promise<ApiResponse>;
let grpc: GrpcServer;
let listener: Server;
let rpc: Rpc;
let admission: Admission;
let authorized: Promise<void>;
let time: number;

const LIMITS = { bodyBytes: 300_000, answerBytes: 1e6, memoryBytes: 1e6, requests: 10, bytesPerSecond: 1000 };

beforeEach(async () => {
  asked = [];
  time = 0;
  admission = new Admission(LIMITS, () => time);
  authorized = Promise.resolve();
  const respond = (ask: BufferedRequest) => {
    asked.push(ask);
    return answer(ask);
  };
  grpc = new GrpcServer({
    respond,
    admission,
    authorize: () => authorized,
    draining: () => false,
    log: createLog('silent', {}),
  });
  const injector = grpc.injector();
  listener = createServer((socket) => injector.injectConnection(socket));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  rpc = new Rpc(`127.0.0.1:${(listener.address() as AddressInfo).port}`);
});
afterEach(() => {
  rpc.close();
  listener.close();
});

/** An inference of an empty request that is never answered. */
const never = () => new Promise<never>(() => undefined);

const parametersOf = (ask: BufferedRequest | undefined): { timeout?: number } => {
  const [head] = ask?.content.chunks ?? [];
  return (JSON.parse(head?.toString() ?? '{}') as { parameters: { timeout?: number } }).parameters;
};

describe('a call', () => {
  it('that is cancelled has a client that is gone', async () => {
    answer = never;
    const cancel = new AbortController();
    const outcome = rpc.call(V2, 'ModelInfer', { model_name: 'm' }, { signal: cancel.signal });
    await until(() => Promise.resolve(asked.length), 1);
    expect(asked[0]?.gone()).toBe(false);
    cancel.abort();
    expect(await outcome).toMatchObject({ code: status.CANCELLED });
    await until(() => Promise.resolve(asked[0]?.gone()), true);
  });

  it.each([
    [V2, 'ModelInfer', { model_name: 'm' }],
    [PREDICT, 'Predict', { model_spec: { name: 'm' } }],
  ])('of %s with a deadline passes it on as the timeout of the inference', async (service, name, request) => {
    answer = () => Promise.reject(unavailable('no'));
    await rpc.call(service, name, request, { deadlineMs: 5_000 });
    const { timeout = 0 } = parametersOf(asked[0]);
    expect(timeout).toBeGreaterThan(0);
    expect(timeout).toBeLessThanOrEqual(5_000_000);
  });

  it('with a timeout of its own keeps the earlier one', async () => {
    answer = () => Promise.reject(unavailable('no'));
    const parameters = { timeout: { int64_param: 7 } };
    await rpc.call(V2, 'ModelInfer', { model_name: 'm', parameters }, { deadlineMs: 5_000 });
    expect(parametersOf(asked[0])).toMatchObject({ timeout: 7 });
  });

  it('passes its metadata on as headers, but not what they would say of the body', async () => {
    answer = () => Promise.reject(unavailable('no'));
    const metadata = { traceparent: '00-1', 'content-encoding': 'gzip', 'inference-header-content-length': '1' };
    await rpc.call(V2, 'ModelInfer', { model_name: 'm/n' }, { metadata });
    const { url, headers, content } = asked[0] as BufferedRequest;
    expect(url).toBe('/v2/models/m%2Fn/infer');
    expect(headers).toMatchObject({ traceparent: '00-1', 'inference-header-content-length': content.jsonLength });
    expect(headers['content-encoding']).toBeUndefined();
  });

  it.each([
    [() => Promise.reject(unavailable('not now')), status.UNAVAILABLE, 'not now'],
    [() => Promise.reject(new ClientGone()), status.CANCELLED, ''],
    [() => Promise.reject(new Error('secret')), status.INTERNAL, 'internal error'],
    [
      () => Promise.resolve({ status: 429, type: 'application/json', body: '{"error":"too much"}' }),
      status.RESOURCE_EXHAUSTED,
      'too much',
    ],
  ])('is refused as what it asked was: %s', async (refuse, code, words) => {
    answer = refuse;
    const outcome = await rpc.call(V2, 'ModelInfer', { model_name: 'm' });
    expect(outcome).toMatchObject({ code });
    expect(outcome.details).toContain(words);
    expect(outcome.details).not.toContain('secret');
  });
});

/** A call by hand: its message is written in parts. */
class RawCall {
  readonly #session = connect(`http://${rpc.client.getChannel().getTarget().replace(/^dns:/, '')}`);
  readonly stream: ClientHttp2Stream;
  /** Status and words of the end. */
  readonly ended: Promise<[string | undefined, string]>;

  constructor(method: string, headers: Record<string, string> = {}) {
    this.stream = this.#session.request({
      ...{ ':method': 'POST', ':path': `/${V2}/${method}`, te: 'trailers', 'content-type': 'application/grpc' },
      ...headers,
    });
    this.ended = new Promise((resolve) => {
      const end = (trailers: IncomingHttpHeaders) => {
        if (trailers['grpc-status'] === undefined) return;
        resolve([trailers['grpc-status'] as string, decodeURI(String(trailers['grpc-message']))]);
      };
      this.stream
        .on('response', end)
        .on('trailers', end)
        .on('error', () => undefined);
      this.stream.on('close', () => resolve([undefined, 'closed']));
    });
    this.stream.resume();
  }

  /** The begin of a message of so many bytes. */
  begin(length: number, compressed = 0): void {
    const prefix = Buffer.alloc(5);
    prefix[0] = compressed;
    prefix.writeUInt32BE(length, 1);
    this.stream.write(prefix);
  }

  close(): void {
    this.#session.destroy();
  }
}

describe('a message', () => {
  let call: RawCall;
  afterEach(() => call.close());

  it('of a client that may not ask is never read', async () => {
    authorized = Promise.reject(new RequestError(401, 'no token'));
    call = new RawCall('ModelInfer');
    call.begin(200_000);
    call.stream.write(Buffer.alloc(100_000));
    expect(await call.ended).toEqual([String(status.UNAUTHENTICATED), 'no token']);
    expect([admission.bytes, admission.waiting, asked]).toEqual([0, 0, []]);
  });

  it('that is not finished is counted, and dropped when it is too slow', async () => {
    call = new RawCall('ModelInfer');
    call.begin(200_000);
    call.stream.write(Buffer.alloc(2_000));
    await until(() => Promise.resolve(admission.bytes), 2_005);
    expect(admission.waiting).toBe(1);
    time = 8_000;
    admission.look();
    expect(await call.ended).toEqual([String(status.DEADLINE_EXCEEDED), expect.stringContaining('bytes a second')]);
    expect([admission.bytes, admission.waiting]).toEqual([0, 0]);
  });

  it('that is not there at all is waited for as others are, but not on a stream', async () => {
    call = new RawCall('ModelInfer');
    await until(() => Promise.resolve(admission.waiting), 1);
    call.close();
    await until(() => Promise.resolve(admission.waiting), 0);
    call = new RawCall('ModelStreamInfer');
    call.begin(100);
    await until(() => Promise.resolve(admission.waiting), 1);
    call.stream.write(Buffer.alloc(100));
    await until(() => Promise.resolve(admission.waiting), 0);
  });

  it('that is small only while it is packed is refused while it is unpacked', async () => {
    call = new RawCall('ModelInfer', { 'grpc-encoding': 'gzip' });
    const packed = gzipSync(Buffer.alloc(50_000_000));
    call.begin(packed.length, 1);
    call.stream.end(packed);
    expect(await call.ended).toEqual([
      String(status.RESOURCE_EXHAUSTED),
      expect.stringContaining('larger than 300000'),
    ]);
    await until(() => Promise.resolve(admission.bytes), 0);
  });

  it.each([
    ['empty parts', () => Buffer.from('2a00'.repeat(5_000), 'hex')],
    ['integers of 64 bits', () => longs(20_000)],
  ])('of many %s is refused before it is decoded', async (_, make) => {
    const message = make();
    call = new RawCall('ModelInfer');
    call.begin(message.length);
    call.stream.end(message);
    expect(await call.ended).toEqual([String(status.RESOURCE_EXHAUSTED), expect.stringContaining('as objects')]);
    expect(asked).toEqual([]);
  });

  it('that is none is refused', async () => {
    call = new RawCall('ModelInfer');
    call.begin(3);
    call.stream.end(Buffer.from([0x2a, 0x7f, 0]));
    expect(await call.ended).toEqual([String(status.INTERNAL), expect.stringContaining('no message')]);
  });

  it('to a method that needs no token is a small one', async () => {
    authorized = Promise.reject(new RequestError(401, 'no token'));
    authorized.catch(() => undefined);
    call = new RawCall('ServerLive');
    call.begin(100_000);
    call.stream.write(Buffer.alloc(100_000));
    expect(await call.ended).toEqual([String(status.RESOURCE_EXHAUSTED), expect.stringContaining('larger than 65536')]);
    expect(await rpc.call(V2, 'ServerLive', {})).toEqual({ live: true });
  });
});

/** A ModelInferRequest whose only input has so many values. */
function longs(count: number): Buffer {
  const { requestSerialize } = methodOf(V2, 'ModelInfer');
  const values = Array.from({ length: count }, () => 1);
  return requestSerialize({ inputs: [{ contents: { int64_contents: values } }] });
}

describe('a version', () => {
  it('has all its digits, in what is asked and in what is answered', async () => {
    const version = '20260114123456789';
    const value = { low: 1768947989, high: 4717175, unsigned: false };
    const model_spec = { name: 'm', version: { value } };
    answer = () =>
      Promise.resolve({
        type: 'application/json',
        body: JSON.stringify({
          model_spec: { name: 'm', version },
          metadata: { signature_def: { signature_def: {} } },
        }),
      });
    const { path, requestSerialize, responseDeserialize } = methodOf(PREDICT, 'GetModelMetadata');
    const answered = await new Promise<{ model_spec: { version: { value: unknown } } }>((resolve, reject) => {
      const request = { model_spec, metadata_field: ['signature_def'] };
      rpc.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) =>
        error ? reject(error) : resolve(response as { model_spec: { version: { value: unknown } } }),
      );
    });
    expect(asked[0]?.url).toBe(`/v1/models/m/versions/${version}/metadata`);
    expect(answered.model_spec.version.value).toMatchObject(value);
  });
});
