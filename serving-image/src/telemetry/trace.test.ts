import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ServedModel } from '../model/types.ts';
import { startTrace } from './otlp.ts';
import { traceIdOf, type Trace, type TracedRequest } from './trace.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

const model: ServedModel = {
  name: 'm',
  version: '3',
  format: 'TFJSGraph',
  engine: 'wasm',
  engineReason: 'it was asked for',
  signatures: new Map(),
  defaultSignature: 's',
};
const request: TracedRequest = {
  headers: { traceparent: `00-${ID}-${PARENT}-01` },
  method: 'POST',
  route: '/v2/models/{model}/infer',
  model,
  status: 200,
  started: 1000,
  ended: 1010,
  parts: [
    { name: 'decode', began: 1001, ended: 1002 },
    { name: 'run', began: 1003, ended: 1008 },
  ],
};

let exporter: InMemorySpanExporter;
let trace: Trace;
const start = (ratio: number) => {
  exporter = new InMemorySpanExporter();
  // What is kept is lost when the exporter is shut down with the trace.
  exporter.shutdown = () => Promise.resolve();
  trace = startTrace({ service: 'server', version: '1', ratio }, exporter);
};
beforeEach(() => start(1));

const milliseconds = ({ startTime, endTime }: ReadableSpan) =>
  Math.round((endTime[0] - startTime[0]) * 1000 + (endTime[1] - startTime[1]) / 1e6);

async function spans(): Promise<ReadableSpan[]> {
  await trace.close();
  return exporter.getFinishedSpans();
}

describe('the trace of a request', () => {
  it('belongs to that of its client, and tells what was done when', async () => {
    trace.request(request);
    const [decode, run, whole] = await spans();
    expect(whole?.spanContext().traceId).toBe(ID);
    expect(whole?.parentSpanContext?.spanId).toBe(PARENT);
    expect(whole).toMatchObject({
      name: 'POST /v2/models/{model}/infer',
      attributes: {
        'http.route': '/v2/models/{model}/infer',
        'http.response.status_code': 200,
        'model.name': 'm',
        'model.version': '3',
        'model.engine': 'wasm',
      },
      status: { code: 0 },
    });
    for (const [part, name, took] of [
      [decode, 'decode', 1],
      [run, 'run', 5],
    ] as const) {
      expect(part?.name).toBe(name);
      expect(part?.parentSpanContext?.spanId).toBe(whole?.spanContext().spanId);
      expect(part && milliseconds(part)).toBe(took);
    }
    expect(whole && milliseconds(whole)).toBe(10);
  });

  it('says why it failed; only a fault of the server is an error', async () => {
    trace.request({ ...request, status: 400, reason: 'invalid_request', parts: [] });
    trace.request({ ...request, status: 500, reason: 'internal', parts: [] });
    const [refused, failed] = await spans();
    expect(refused).toMatchObject({ attributes: { 'error.type': 'invalid_request' }, status: { code: 0 } });
    expect(failed).toMatchObject({ attributes: { 'error.type': 'internal' }, status: { code: 2 } });
  });

  it('is made as often as is asked for, unless the client has decided', async () => {
    start(0);
    trace.request({ ...request, headers: {} });
    trace.request({ ...request, headers: { traceparent: `00-${ID}-${PARENT}-00` } });
    expect(await spans()).toEqual([]);
    start(0);
    trace.request(request);
    expect(await spans()).toHaveLength(3);
    start(1);
    trace.request({ ...request, headers: {} });
    expect(await spans()).toHaveLength(3);
  });
});

describe('the trace that a request belongs to', () => {
  it('is read from its header', () => {
    expect(traceIdOf(`00-${ID}-${PARENT}-01`)).toBe(ID);
    expect(traceIdOf(`01-${ID}-${PARENT}-01-more`)).toBe(ID);
  });

  it.each([
    undefined,
    '',
    'x',
    `00-${ID}-${PARENT}`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `ff-${ID}-${PARENT}-01`,
    `00-${ID.toUpperCase()}-${PARENT}-01`,
    ['a'],
  ])('is none in %j', (header) => {
    expect(traceIdOf(header)).toBeUndefined();
  });
});
