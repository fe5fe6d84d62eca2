import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer } from '../http/answer.ts';
import type { WholeAsk } from '../http/ask.ts';
import { ClientGone } from '../batching/executor.ts';
import { unavailable } from '../protocol/errors.ts';
import { createLog } from '../telemetry/log.ts';
import { PREDICT, Rpc, V2 } from '../testing/grpc.ts';
import { until } from '../testing/server.ts';
import { GrpcServer } from './server.ts';

let asked: WholeAsk[];
let answer: (ask: WholeAsk) => Promise<Answer>;
let grpc: GrpcServer;
let listener: Server;
let rpc: Rpc;

beforeEach(async () => {
  asked = [];
  const respond = (ask: WholeAsk) => {
    asked.push(ask);
    return answer(ask);
  };
  grpc = new GrpcServer({
    respond,
    limits: { bodyBytes: 1000, requests: 10 },
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

const parametersOf = (ask: WholeAsk | undefined): { timeout?: number } => {
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
    const { url, headers, content } = asked[0] as WholeAsk;
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
