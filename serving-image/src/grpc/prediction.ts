/** The methods of TensorFlow Serving's PredictionService and ModelService. */
import { badRequest, quote, RequestError } from '../errors.ts';
import { classifyResult, examplesBody, regressResult, type ExamplesRequest } from '../protocol/proto/examples.ts';
import {
  predictBody,
  predictResponse,
  targetOf,
  type ModelSpec,
  type PredictRequest,
} from '../protocol/proto/predict.ts';
import { messageType } from '../protocol/proto/schema.ts';
import { longOf } from '../protocol/proto/values.ts';
import type { Target } from '../protocol/route.ts';
import { servableNotFound } from '../protocol/v1/metadata.ts';
import { method, type RestBridge, type Method } from './rest-bridge.ts';
import { binaryOf, v2Path } from './inference.ts';

const SIGNATURES = 'tensorflow.serving.SignatureDefMap';

function v1Path({ model, version, label }: Target): string {
  const which =
    version !== undefined ? `/versions/${version}` : label !== undefined ? `/labels/${encodeURIComponent(label)}` : '';
  return `/v1/models/${encodeURIComponent(model)}${which}`;
}

async function predict(request: PredictRequest, bridge: RestBridge): Promise<object> {
  const { model_spec: spec } = request;
  const target = targetOf(spec);
  const path = v2Path({ name: target.model, version: target.version ?? target.label ?? '' });
  try {
    const answer = await bridge.post(`${path}/infer`, predictBody(request, bridge.timeoutMs));
    return predictResponse(binaryOf(answer), spec?.signature_name || DEFAULT_SIGNATURE);
  } catch (error) {
    throw error instanceof RequestError && error.status === 404 ? servableNotFound(target) : error;
  }
}

const DEFAULT_SIGNATURE = 'serving_default';

async function examples<T>(verb: 'classify' | 'regress', request: ExamplesRequest, bridge: RestBridge): Promise<T> {
  const target = targetOf(request.model_spec);
  const body = examplesBody(request);
  const answer = await bridge.post(`${v1Path(target)}:${verb}`, {
    chunks: [body],
    length: body.length,
    jsonLength: undefined,
  });
  return (JSON.parse(withoutBareWords(answer.body.toString())) as { results: T }).results;
}

/** What JSON has no numbers for, as the strings that Number() reads; labels are left as they are. */
const withoutBareWords = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (match) => (match.startsWith('"') ? match : `"${match}"`));

interface MetadataRequest {
  model_spec: ModelSpec | null;
  metadata_field: readonly string[];
}

async function metadata({ model_spec, metadata_field }: MetadataRequest, bridge: RestBridge): Promise<object> {
  const [first] = metadata_field;
  if (first === undefined) throw badRequest('GetModelMetadataRequest must specify at least one metadata_field');
  const unknown = metadata_field.find((field) => field !== 'signature_def');
  if (unknown !== undefined)
    throw badRequest(`Metadata field ${quote(unknown)} is not supported; there is signature_def`);
  interface Answer {
    model_spec: { name: string; version: string };
    metadata: { signature_def: object };
  }
  const answer = await bridge.get<Answer>(`${v1Path(targetOf(model_spec))}/metadata`);
  const type = messageType(SIGNATURES);
  const value = type.encode(type.fromObject(answer.metadata.signature_def)).finish();
  return {
    model_spec: { name: answer.model_spec.name, version: { value: longOf(BigInt(answer.model_spec.version), false) } },
    metadata: { signature_def: { type_url: `type.googleapis.com/${SIGNATURES}`, value } },
  };
}

export const PREDICTION: Readonly<Record<string, Method>> = {
  Predict: method(predict),
  Classify: method(async (request: ExamplesRequest, bridge) => {
    const rows = await examples<[string, number][][]>('classify', request, bridge);
    return {
      result: classifyResult(rows.map((row) => row.map(([label, score]) => [label, Number(score)] as const))),
      ...specOf(request),
    };
  }),
  Regress: method(async (request: ExamplesRequest, bridge) => {
    const values = await examples<number[]>('regress', request, bridge);
    return { result: regressResult(values.map(Number)), ...specOf(request) };
  }),
  GetModelMetadata: method(metadata),
};

const specOf = ({ model_spec }: ExamplesRequest) => ({ model_spec });

export const MODEL: Readonly<Record<string, Method>> = {
  GetModelStatus: method(async ({ model_spec }: { model_spec: ModelSpec | null }, bridge) => {
    const json = await bridge.get<object>(v1Path(targetOf(model_spec)));
    return messageType('tensorflow.serving.GetModelStatusResponse').fromObject(json);
  }),
};
