/** The data path of requests that run a model: read → decode → run → encode. */
import { VIA_HEADER } from '@modeldeployment/modelpack/traffic';
import type { Answered } from '../trial/trial-request.ts';
import { wasHere } from '../trial/via.ts';
import { bytesOf, type ServedModel, type Tensor } from '../model/types.ts';
import { answerTooLarge, modelNotFound, type RequestError } from '../errors.ts';
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
import { countNonFinite } from '../telemetry/instrumented-predictor.ts';
import { reasonOf } from '../telemetry/reasons.ts';

import type { ApiRequest } from './request.ts';
import type { Ticket } from './admission.ts';
import { checkMedia, type Body } from './body.ts';
import {
  headerOf,
  type HttpClient,
  ForwardableRequest,
  type HttpQuestion,
  type Traced,
} from './forwardable-request.ts';
import type { Served, ServerContext } from './context.ts';
import { json, type ApiResponse } from './response.ts';

/** How the body of a call is read, and its answer written. */
interface Call<Request extends Inference> {
  protocol: 'v1' | 'v2';
  /** What it is in TensorFlow Serving's metrics. */
  api: string;
  /** @throws RequestError 400, 413 */
  decode(body: Body, model: ServedModel): Request;
  /** @throws RequestError 400 when the outputs cannot be written as they were asked for; 507 when they would be `largest` bytes or more */
  encode(model: ServedModel, request: Request, outputs: readonly Tensor[], largest: number): ModelAnswer;
}

const infer: Call<InferRequest> = {
  protocol: 'v2',
  api: 'predict',
  decode: ({ chunks, length, jsonLength }, model) => decodeInfer(frame(chunks, length, jsonLength), model),
  encode: encodeInfer,
};
const predict: Call<PredictRequest> = {
  protocol: 'v1',
  api: 'predict',
  decode: ({ chunks, length }, model) => decodePredict(jsonText(chunks, length), model),
  encode: (_, request, outputs, largest) => ({ body: encodePredict(request, outputs, largest) }),
};
const classify: Call<Inference> = {
  protocol: 'v1',
  api: 'classify',
  decode: ({ chunks, length }, model) => decodeExamples(jsonText(chunks, length), model, 'classify'),
  encode: (_, request, outputs, largest) => ({ body: encodeClassify(request, outputs, largest) }),
};
const regress: Call<Inference> = {
  protocol: 'v1',
  api: 'regress',
  decode: ({ chunks, length }, model) => decodeExamples(jsonText(chunks, length), model, 'regress'),
  encode: (_, request, outputs, largest) => ({ body: encodeRegress(request, outputs, largest) }),
};

const CALLS: Readonly<Record<CallKind, Call<Inference>>> = {
  'v2.infer': infer,
  'v1.predict': predict,
  'v1.classify': classify,
  'v1.regress': regress,
};

/** Paths of calls with placeholders for what clients choose. */
const TEMPLATE: Readonly<Record<CallKind, string>> = {
  'v2.infer': '/v2/models/{model}/infer',
  'v1.predict': '/v1/models/{model}:predict',
  'v1.classify': '/v1/models/{model}:classify',
  'v1.regress': '/v1/models/{model}:regress',
};

export const isCall = (target: Route): target is CallRoute => Object.hasOwn(CALLS, target.kind);

/**
 * `started` is when the request arrived, by performance.now(). The body is asked for before this returns, or never. Returns 503
 * where there is no room. @throws RequestError; rejects with RequestError, RunError, ClientGone
 */
export function handleInference(
  service: ServerContext,
  target: CallRoute,
  request: ApiRequest,
  started: number,
  traced: Traced | undefined,
): Promise<ApiResponse> | RequestError {
  const { kind, model, version } = target;
  const { headers } = request;
  const there =
    version !== undefined &&
    service.trial.names({
      version,
      returned: wasHere(headerOf(headers, VIA_HEADER), service.trial.mark),
      header: (name) => headerOf(headers, name),
    });
  const served = service.models.find(there ? { model } : target);
  if (!served) throw CALLS[kind].protocol === 'v1' ? servableNotFound(target) : modelNotFound(target);
  if (traced) Object.assign(traced, { model: served.model, template: TEMPLATE[kind] });
  const refusal = service.admission.refusal() ?? served.executor.refusal();
  if (!refusal)
    return inferTarget(service, served, target, request, clientOf(service.admission.enter(), request, started, traced));
  served.statistics.failed(performance.now() - started, reasonOf(refusal));
  return refusal;
}

type Asking = HttpClient & { ticket: Ticket };

/** All fields at once: V8 looks those of an object that was made by spreading another one up anew for each request. */
function clientOf(ticket: Ticket, request: ApiRequest, started: number, traced: Traced | undefined): Asking {
  return { ticket, started, gone: () => request.gone(), traced };
}

async function inferTarget(
  service: ServerContext,
  served: Served,
  { kind, version }: CallRoute,
  request: ApiRequest,
  client: Asking,
): Promise<ApiResponse> {
  const { url, headers, entrypoint, peer } = request;
  const { protocol } = CALLS[kind];
  const { ticket } = client;
  let trialRequest: ForwardableRequest | undefined;
  try {
    checkMedia(headers, protocol);
    const arriving = request.body(ticket);
    // Each wait costs as much as reading a few numbers.
    const body = arriving instanceof Promise ? await arriving : arriving;
    const refusal = ticket.place();
    if (refusal) throw refusal;
    trialRequest = forwardableOf(service, served, { kind, protocol, entrypoint, url, version, peer, headers, body });
    trialRequest.client = client;
    return (await service.trial.serve(trialRequest)).answer;
  } catch (error) {
    served.statistics.failed(performance.now() - client.started, reasonOf(error));
    throw error;
  } finally {
    if (trialRequest) trialRequest.client = undefined;
    ticket.leave();
  }
}

/** A request as a trial sees it: it may be answered here or elsewhere, and be asked again later. */
export const forwardableOf = (service: ServerContext, served: Served, question: HttpQuestion): ForwardableRequest =>
  new ForwardableRequest(question, service, (target, client) =>
    answerHere(served, target, client, service.admission.limits.answerBytes),
  );

/** Counts what the request takes beside its body. @throws RequestError 413, 503 */
function take(client: HttpClient, bytes: number): void {
  const problem = client.ticket?.take(bytes);
  if (problem) throw problem;
}

/** From the body of a request to its answer. */
async function answerHere(
  { model, executor, statistics }: Served,
  { kind, entrypoint, body }: HttpQuestion,
  client: HttpClient,
  answerBytes: number,
): Promise<Answered<ApiResponse>> {
  const call = CALLS[kind];
  const read = performance.now();
  const inference = call.decode(body, model);
  take(client, bytesOf(inference.inputs));
  const decoded = performance.now();
  const { outputs, began, ended } = await executor.run(inference, client);
  const encoding = performance.now();
  const size = bytesOf(outputs);
  if (size > answerBytes) throw answerTooLarge(answerBytes);
  take(client, size);
  const { body: bytes, jsonLength } = call.encode(model, inference, outputs, answerBytes);
  const written = performance.now();
  statistics.succeeded(
    {
      request: written - client.started,
      queue: began - decoded,
      input: decoded - read,
      infer: ended - began,
      output: written - encoding,
    },
    { api: call.api, entrypoint },
  );
  client.traced?.parts.push(
    { name: 'decode', began: read, ended: decoded },
    { name: 'queue', began: decoded, ended: began },
    { name: 'run', began, ended },
    { name: 'encode', began: encoding, ended: written },
  );
  const answer: ApiResponse =
    jsonLength === undefined
      ? json(bytes)
      : { type: 'application/octet-stream', body: bytes, headers: { [LENGTH_HEADER]: jsonLength } };
  return { answer, bytes: bytes.length, nonFinite: countNonFinite(outputs) > 0 };
}
