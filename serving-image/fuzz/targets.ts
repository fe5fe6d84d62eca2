/**
 * What is fuzzed: everything from the bytes of a body to tensors, and from tensors to the answer. Bad bytes may end in a
 * RequestError of the client's, nothing else; and what is taken must be what JSON.parse reads.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ServedModel, Tensor } from '../src/model/types.ts';
import { RequestError } from '../src/errors.ts';
import { jsonText } from '../src/protocol/json/text.ts';
import { examplesBody, type ExamplesRequest } from '../src/protocol/proto/examples.ts';
import {
  inferBody,
  inferResponse,
  readBinaryAnswer,
  type BinaryAnswer,
  type BinaryBody,
  type InferRequest,
} from '../src/protocol/proto/infer.ts';
import { predictBody, predictResponse, targetOf, type PredictRequest } from '../src/protocol/proto/predict.ts';
import { messageType } from '../src/protocol/proto/schema.ts';
import { route } from '../src/protocol/route.ts';
import { encodePredict } from '../src/protocol/v1/answer.ts';
import { decodeExamples } from '../src/protocol/v1/examples.ts';
import { decodePredict } from '../src/protocol/v1/predict.ts';
import { decodeInfer } from '../src/protocol/v2/decode.ts';
import { encodeInfer } from '../src/protocol/v2/encode.ts';
import { frame, placeFor } from '../src/protocol/v2/framing.ts';
import { head } from './head.ts';
import { modelOf } from './models.ts';

type Target = (data: Buffer) => void;

/** Runs `decode`. @returns undefined when it refuses, as it may. @throws Error when it fails in any other way */
function refusing<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof RequestError) || error.status < 400 || error.status >= 500) throw error;
    if (error.message.length > 1000)
      throw new Error(`an error of ${error.message.length} characters`, { cause: error });
    return undefined;
  }
}

/** Two pieces, as they come from a connection. */
const pieces = (bytes: Buffer): Buffer[] => {
  const middle = bytes.length >> 1;
  return [bytes.subarray(0, middle), bytes.subarray(middle)].map((piece) => Buffer.from(piece));
};

const check = (right: boolean, what: string): void => {
  if (!right) throw new Error(what);
};

const sizeRight = ({ shape, data }: Tensor) => shape.reduce((a, b) => a * b, 1) === data.length;

function infer(data: Buffer): void {
  const [model, body] = [modelOf(data[0]), data.subarray(1)];
  const request = refusing(() => decodeInfer(frame(pieces(body), body.length, undefined), model));
  if (!request) return;
  const parsed = JSON.parse(body.toString('utf8')) as { inputs: { name: string; data: unknown }[] };
  check(request.inputs.every(sizeRight), 'a tensor has not as many elements as its shape says');
  for (const { name, dtype, data: values } of request.inputs) {
    const given = parsed.inputs.filter((one) => one.name === name).map((one) => [one.data].flat(Infinity));
    check(given.length === 1, `${name} is taken from ${given.length} inputs`);
    if (dtype === 'FP32') check(isDeepStrictEqual(values, Float32Array.from(given[0] as number[])), 'other floats');
    if (dtype === 'FP64') check(isDeepStrictEqual(values, Float64Array.from(given[0] as number[])), 'other doubles');
    if (dtype === 'INT8') check(isDeepStrictEqual(values, Int8Array.from(given[0] as number[])), 'other bytes');
  }
  const { body: answer, jsonLength } = encodeInfer(model, request, request.inputs);
  JSON.parse(answer.toString('utf8', 0, jsonLength ?? answer.length));
}

/** The second and third byte are the length that the header tells. */
function binary(data: Buffer): void {
  if (data.length < 3) return;
  const [model, told, body] = [modelOf(data[0]), data.readUInt16LE(1), data.subarray(3)];
  const request = refusing(() => decodeInfer(frame(pieces(body), body.length, String(told)), model));
  // In one piece, tensors may be used where they lie.
  const place = placeFor(body.length, String(told));
  place.set(body);
  const again = refusing(() => decodeInfer(frame([place], body.length, String(told)), model));
  check(isDeepStrictEqual(request, again), 'in one piece it is another request');
  if (!request) return;
  check(request.inputs.every(sizeRight), 'a tensor has not as many elements as its shape says');
  const { body: answer, jsonLength } = encodeInfer(model, request, request.inputs);
  JSON.parse(answer.toString('utf8', 0, jsonLength ?? answer.length));
}

function predict(data: Buffer): void {
  const [model, body] = [modelOf(data[0]), data.subarray(1)];
  const request = refusing(() => decodePredict(jsonText(pieces(body), body.length), model));
  if (!request) return;
  const text = body.toString('utf8');
  if (!/NaN|Infinity/.test(text)) JSON.parse(text);
  check(request.inputs.every(sizeRight), 'a tensor has not as many elements as its shape says');
  refusing(() => encodePredict(request, request.inputs));
}

/** The first byte chooses between classify and regress. */
function examples(data: Buffer): void {
  const body = data.subarray(1);
  const method = (data[0] ?? 0) % 2 === 0 ? 'classify' : 'regress';
  refusing(() => decodeExamples(jsonText(pieces(body), body.length), modelOf(2), method));
}

/** Bytes of a message to bytes of the answer, as gRPC has them; what is no such message the library refuses by itself. */
function message<Request>(type: string, bytes: Uint8Array): Request | undefined {
  try {
    return messageType(type).decode(bytes) as unknown as Request;
  } catch {
    return undefined;
  }
}

function answered(model: ServedModel, { chunks, length, jsonLength }: BinaryBody): BinaryAnswer {
  const request = decodeInfer(frame(chunks, length, jsonLength), model);
  check(request.inputs.every(sizeRight), 'a tensor has not as many elements as its shape says');
  const { body, jsonLength: told = body.length } = encodeInfer(model, request, request.inputs);
  return readBinaryAnswer(body, told);
}

function grpcInfer(data: Buffer): void {
  const request = message<InferRequest>('inference.ModelInferRequest', data.subarray(1));
  if (!request) return;
  refusing(() => {
    const answer = answered(modelOf(data[0]), inferBody(request, 1000));
    const response = inferResponse(answer, request.raw_input_contents.length > 0);
    messageType('inference.ModelInferResponse').encode(response).finish();
  });
}

function grpcPredict(data: Buffer): void {
  const request = message<PredictRequest>('tensorflow.serving.PredictRequest', data.subarray(1));
  if (!request) return;
  refusing(() => {
    targetOf(request.model_spec);
    const answer = answered(modelOf(data[0]), predictBody(request, 1000));
    messageType('tensorflow.serving.PredictResponse').encode(predictResponse(answer, 'serving_default')).finish();
  });
}

function grpcExamples(data: Buffer): void {
  const request = message<ExamplesRequest>('tensorflow.serving.ClassificationRequest', data);
  if (!request) return;
  refusing(() => {
    const body = examplesBody(request);
    decodeExamples(jsonText([body], body.length), modelOf(2), 'classify');
  });
}

function path(data: Buffer): void {
  const [method, ...rest] = data.toString('latin1').split(' ');
  refusing(() => route(method ?? '', rest.join(' ')));
}

export const TARGETS: Readonly<Record<string, Target>> = {
  infer,
  binary,
  predict,
  examples,
  path,
  head,
  grpcInfer,
  grpcPredict,
  grpcExamples,
};
