/** A gRPC client. Test code only. */
import { Client as GrpcClient, credentials, Metadata, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { definitionOf } from '../src/grpc/service-definition.ts';

export const V2 = 'inference.GRPCInferenceService';
export const PREDICT = 'tensorflow.serving.PredictionService';
export const MODELS = 'tensorflow.serving.ModelService';
export const HEALTH = 'grpc.health.v1.Health';

/** What came of a call: the response, or the `code` and `details` of its status. */
export type Outcome = Record<string, unknown>;

interface CallOptions {
  deadlineMs?: number;
  metadata?: Record<string, string>;
  /** Cancels the call. */
  signal?: AbortSignal;
}

export class Rpc {
  readonly client: GrpcClient;

  constructor(address: string, security: ChannelCredentials = credentials.createInsecure()) {
    this.client = new GrpcClient(address, security);
  }

  /** One message for one. */
  call(
    service: string,
    name: string,
    request: object,
    { deadlineMs = 10_000, metadata = {}, signal }: CallOptions = {},
  ): Promise<Outcome> {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, name);
    const headers = new Metadata();
    for (const [key, value] of Object.entries(metadata)) headers.set(key, value);
    const options = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve) => {
      const call = this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        headers,
        options,
        (error: ServiceError | null, response?: object) =>
          resolve(error ? { code: error.code, details: error.details } : plain(response ?? {})),
      );
      signal?.addEventListener('abort', () => call.cancel());
    });
  }

  close(): void {
    this.client.close();
  }
}

export function methodOf(service: string, name: string) {
  const method = definitionOf(service)[name];
  if (!method) throw new Error(`${service} has no ${name}`);
  return method;
}

/** Without the classes and the 64-bit objects of the library. */
export const plain = (message: object): Record<string, unknown> => {
  const { $type } = message.constructor as unknown as { $type: { toObject(message: object, options: object): object } };
  return $type.toObject(message, { longs: Number, enums: String }) as Record<string, unknown>;
};
