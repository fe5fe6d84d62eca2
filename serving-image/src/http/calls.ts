/** The data path of requests that run a model: read → decode → run → encode. */
import type { IncomingMessage } from 'node:http';
import type { Answered, Exchange } from '../forward/exchange.ts';
import { anyNonFinite } from '../forward/outputs.ts';
import { RunError, type ServedModel, type Tensor } from '../model/types.ts';
import { modelNotFound } from '../protocol/errors.ts';
import { jsonText } from '../protocol/json/text.ts';
import type { Answer as ModelAnswer, Inference } from '../protocol/request.ts';
import type { CallKind, CallRoute, Route } from '../protocol/route.ts';
import { encodePredict } from '../protocol/v1/answer.ts';
import { decodeExamples, encodeClassify, encodeRegress } from '../protocol/v1/examples.ts';
import { servableNotFound } from '../protocol/v1/metadata.ts';
import { decodePredict, type PredictRequest } from '../protocol/v1/predict.ts';
import { decodeInfer, type InferRequest } from '../protocol/v2/decode.ts';
import { encodeInfer } from '../protocol/v2/encode.ts';
import { frame, LENGTH_HEADER } from '../protocol/v2/framing.ts';
import { json, type Answer } from './answer.ts';
import { checkMedia, readBody, type Body } from './body.ts';
import { headerOf, HttpExchange, type HttpQuestion } from './exchange.ts';
import type { Served, Service } from './service.ts';

/** How the body of a call is read, and its answer written. */
interface Call<Request extends Inference> {
  protocol: 'v1' | 'v2';
  /** @throws RequestError 400, 413 */
  decode(body: Body, model: ServedModel): Request;
  /** @throws RequestError 400 when the outputs cannot be written as they were asked for */
  encode(model: ServedModel, request: Request, outputs: readonly Tensor[]): ModelAnswer;
}

const infer: Call<InferRequest> = {
  protocol: 'v2',
  decode: ({ chunks, length, jsonLength }, model) => decodeInfer(frame(chunks, length, jsonLength), model),
  encode: encodeInfer,
};
const predict: Call<PredictRequest> = {
  protocol: 'v1',
  decode: ({ chunks, length }, model) => decodePredict(jsonText(chunks, length), model),
  encode: (_, request, outputs) => ({ body: encodePredict(request, outputs) }),
};
const classify: Call<Inference> = {
  protocol: 'v1',
  decode: ({ chunks, length }, model) => decodeExamples(jsonText(chunks, length), model, 'classify'),
  encode: (_, request, outputs) => ({ body: encodeClassify(request, outputs) }),
};
const regress: Call<Inference> = {
  protocol: 'v1',
  decode: ({ chunks, length }, model) => decodeExamples(jsonText(chunks, length), model, 'regress'),
  encode: (_, request, outputs) => ({ body: encodeRegress(request, outputs) }),
};

const CALLS: Readonly<Record<CallKind, Call<Inference>>> = {
  'v2.infer': infer,
  'v1.predict': predict,
  'v1.classify': classify,
  'v1.regress': regress,
};

export const isCall = (asked: Route): asked is CallRoute => Object.hasOwn(CALLS, asked.kind);

/** `started` is when the request arrived, by performance.now(). @throws RequestError, RunError */
export async function answerCall(
  service: Service,
  asked: CallRoute,
  request: IncomingMessage,
  started: number,
): Promise<Answer> {
  const { kind, model, version } = asked;
  const { url = '/', headers } = request;
  const { protocol } = CALLS[kind];
  const there = version !== undefined && service.trial.names({ version, header: (name) => headerOf(headers, name) });
  const served = service.models.find(there ? { model } : asked);
  if (!served) throw protocol === 'v1' ? servableNotFound(asked) : modelNotFound(asked);
  const body = await receive(service, served, request, protocol, started);
  const readMs = performance.now() - started;
  const question = { kind, protocol, url, version, headers, body, readMs };
  const { answer } = await service.trial.serve(exchangeOf(service, served, question));
  return answer;
}

async function receive(
  { maxBodyBytes }: Service,
  { statistics }: Served,
  request: IncomingMessage,
  protocol: 'v1' | 'v2',
  started: number,
): Promise<Body> {
  try {
    checkMedia(request, protocol);
    return await readBody(request, maxBodyBytes);
  } catch (error) {
    statistics.failed(performance.now() - started);
    throw error;
  }
}

/** A request as a trial sees it: it may be answered here or elsewhere, and be asked again later. */
export const exchangeOf = (service: Service, served: Served, question: HttpQuestion): Exchange<Answer> =>
  new HttpExchange(question, service.revision, (asked) => answerHere(service, served, asked));

async function answerHere(
  service: Service,
  served: Served,
  { kind, body, readMs }: HttpQuestion,
): Promise<Answered<Answer>> {
  const { model, statistics } = served;
  const call = CALLS[kind];
  const began = performance.now();
  try {
    const inference = call.decode(body, model);
    const decoded = performance.now();
    const outputs = await run(service, served, inference);
    const ran = performance.now();
    const { body: bytes, jsonLength } = call.encode(model, inference, outputs);
    const written = performance.now();
    statistics.succeeded({
      request: readMs + written - began,
      queue: 0,
      input: decoded - began,
      infer: ran - decoded,
      output: written - ran,
    });
    const answer: Answer =
      jsonLength === undefined
        ? json(bytes)
        : { type: 'application/octet-stream', body: bytes, headers: { [LENGTH_HEADER]: jsonLength } };
    return { answer, bytes: bytes.length, nonFinite: anyNonFinite(outputs) };
  } catch (error) {
    statistics.failed(readMs + performance.now() - began);
    throw error;
  }
}

async function run(
  { metrics }: Service,
  { model, predictor, statistics }: Served,
  { signature, inputs }: Inference,
): Promise<Tensor[]> {
  const { engine } = model;
  const started = performance.now();
  try {
    const outputs = await predictor.predict(signature, inputs);
    metrics.run.observe({ engine }, (performance.now() - started) / 1000);
    statistics.ran(inputs[0]?.shape[0] ?? 1);
    return outputs;
  } catch (error) {
    if (error instanceof RunError) metrics.failedRuns.inc({ engine });
    throw error;
  }
}
