/** Traces for collectors that speak OTLP over HTTP. Imported only when an address is set; reads the variables of OpenTelemetry. */
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { Trace, TracedRequest } from './trace.ts';

/** Longest wait for a collector when the process ends, in milliseconds. */
const CLOSE_MS = 2000;

export interface TraceSettings {
  service: string;
  version: string;
  /** Part of the requests without a trace of their own that are traced. */
  ratio: number;
}

export function startTrace(
  { service, version, ratio }: TraceSettings,
  exporter: SpanExporter = new OTLPTraceExporter(),
): Trace {
  const own = resourceFromAttributes({ 'service.name': service, 'service.version': version });
  const provider = new TracerProvider({
    // What the environment says comes last, and wins.
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer(service, version);
  const propagator = new W3CTraceContextPropagator();
  return {
    request(request) {
      const parent = propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
      const span = tracer.startSpan(
        `${request.method} ${request.route}`,
        { kind: SpanKind.SERVER, startTime: absolute(request.started), attributes: attributesOf(request) },
        parent,
      );
      // A client's mistake is no error of the server.
      if (request.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      const within = trace.setSpan(parent, span);
      for (const { name, began, ended } of request.parts) {
        tracer.startSpan(name, { startTime: absolute(began) }, within).end(absolute(ended));
      }
      span.end(absolute(request.ended));
    },
    async close() {
      const timeout = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), timeout]);
    },
  };
}

/** Milliseconds since 1970. */
const absolute = (time: number) => performance.timeOrigin + time;

/** In the words of OpenTelemetry's conventions for HTTP, and our own for the model. */
function attributesOf({ method, route, status, model, reason }: TracedRequest) {
  return {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'model.name': model.name,
    'model.version': model.version,
    'model.engine': model.engine,
    ...(reason === undefined ? {} : { 'error.type': reason }),
  };
}
