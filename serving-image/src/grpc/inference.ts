/** The methods of inference.GRPCInferenceService: Open Inference, version 2, and what Triton adds to it. */

import type { Body } from '../handlers/body.ts';
import { jsonLengthOf } from '../handlers/forwardable-request.ts';
import {
  inferBody,
  inferResponse,
  readBinaryAnswer,
  type BinaryAnswer,
  type InferRequest,
} from '../protocol/proto/infer.ts';
import { messageType } from '../protocol/proto/schema.ts';
import { method, type RestBridge, type Method } from './rest-bridge.ts';
import type { ApiResponse } from '../handlers/response.ts';

interface Named {
  name: string;
  version: string;
}

export const v2Path = ({ name, version }: Named): string =>
  `/v2/models/${encodeURIComponent(name)}${version === '' ? '' : `/versions/${encodeURIComponent(version)}`}`;

/** A message from the JSON that REST answers, whose fields have the same names. */
const fromJson = (type: string, json: object): object => messageType(`inference.${type}`).fromObject(json);

export async function infer(request: InferRequest, bridge: RestBridge): Promise<object> {
  const { model_name: name, model_version: version } = request;
  const answer = await bridge.post(`${v2Path({ name, version })}/infer`, inferBody(request, bridge.timeoutMs));
  return inferResponse(binaryOf(answer), request.raw_input_contents.length > 0);
}

export const binaryOf = (answer: ApiResponse): BinaryAnswer => {
  const body = Buffer.from(answer.body as Buffer);
  return readBinaryAnswer(body, jsonLengthOf(answer) ?? body.length);
};

const jsonBody = (value: object): Body => {
  const bytes = Buffer.from(JSON.stringify(value));
  return { chunks: [bytes], length: bytes.length, jsonLength: undefined };
};

interface OrderRequest {
  model_name: string;
  /** Each a message of which one field is set. */
  parameters: Readonly<Record<string, object>>;
}

const order = (action: 'load' | 'unload'): Method =>
  method(async ({ model_name: name, parameters }: OrderRequest, bridge) => {
    // REST looks at their names only.
    const names = Object.keys(parameters).map((key) => [key, true]);
    const body = jsonBody({ parameters: Object.fromEntries(names) as object });
    await bridge.post(`/v2/repository/models/${encodeURIComponent(name)}/${action}`, body);
    return {};
  });

export const INFERENCE: Readonly<Record<string, Method>> = {
  ServerLive: () => ({ live: true }),
  ServerReady: async (_, bridge) => ({ ready: await bridge.isReady('/v2/health/ready') }),
  ModelReady: method(async (named: Named, bridge) => ({ ready: await bridge.isReady(`${v2Path(named)}/ready`) })),
  ServerMetadata: (_, bridge) => bridge.get('/v2'),
  ModelMetadata: method((named: Named, bridge) => bridge.get(v2Path(named))),
  ModelInfer: method(infer),
  ModelConfig: method(async (named: Named, bridge) =>
    fromJson('ModelConfigResponse', { config: await bridge.get(`${v2Path(named)}/config`) }),
  ),
  ModelStatistics: method(async (named: Named, bridge) => {
    const path = named.name === '' ? '/v2/models' : v2Path(named);
    return fromJson('ModelStatisticsResponse', await bridge.get(`${path}/stats`));
  }),
  RepositoryIndex: method(async ({ ready }: { ready: boolean }, bridge) => {
    const answer = await bridge.post('/v2/repository/index', jsonBody({ ready }));
    return { models: JSON.parse(answer.body.toString()) as object };
  }),
  RepositoryModelLoad: order('load'),
  RepositoryModelUnload: order('unload'),
};
