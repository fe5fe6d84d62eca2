import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { denseGraphModel } from '../testing/models.ts';
import { Bench } from '../testing/server.ts';

const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };
const ID = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Span {
  traceId: string;
  name: string;
}
interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Span[] }[];
  }[];
}

let bench: Bench;
let collector: Server;
const exports: { path: string | undefined; body: Export }[] = [];
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  collector = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      exports.push({ path: request.url, body: JSON.parse(text) as Export });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  });
  await once(collector.listen(0, '127.0.0.1'), 'listening');
}, 60_000);
afterAll(async () => {
  await bench.dispose();
  collector.close();
});

describe('a server with the address of a collector', () => {
  it('sends it the traces of inference requests before it ends, and names them in its log', async () => {
    const server = await bench.start({
      MODEL_NAME: 'dense',
      MODEL_VERSION: '1',
      MODEL_ENGINE: 'wasm',
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_SERVICE_NAME: 'digits',
    });
    await server.logged('worker ready');
    await fetch(`${server.url}/v2/models/dense`);
    await server.post('/v2/models/dense/infer', BODY, { traceparent: `00-${ID}-00f067aa0ba902b7-01` });
    expect(await server.logged('request', 2)).toMatchObject({ traceId: ID });
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(exports.map(({ path }) => path)).toEqual(['/v1/traces']);
    const [resourceSpans] = exports[0]?.body.resourceSpans ?? [];
    const spans = resourceSpans?.scopeSpans.flatMap((scope) => scope.spans) ?? [];
    expect(spans.map(({ name }) => name).sort()).toEqual([
      'POST /v2/models/{model}/infer',
      'decode',
      'encode',
      'queue',
      'run',
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([ID]));
    expect(resourceSpans?.resource.attributes).toContainEqual({
      key: 'service.name',
      value: { stringValue: 'digits' },
    });
  }, 30_000);
});
