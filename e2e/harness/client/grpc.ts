/** Bundled for the pod from which requests are sent: asks a model over gRPC with the library that its users have. */
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { definitionOf } from '../../../serving-image/src/grpc/service-definition.ts';

interface Response {
  model_version: string;
  outputs: { contents: { fp32_contents: number[] } }[];
}

/** @param url `grpc://host:port/model` @param body an inference request of Open Inference v2 REST, its tensors FP32 */
export function asker(url: string, body: string): () => Promise<{ version: string; numbers: number[] }> {
  const { host, pathname } = new URL(url);
  const { ModelInfer: method } = definitionOf('inference.GRPCInferenceService');
  if (method === undefined) throw new Error('the protocol has no ModelInfer');
  const client = new Client(host, credentials.createInsecure());
  const { inputs } = JSON.parse(body) as { inputs: { name: string; shape: number[]; data: number[] }[] };
  const request = {
    model_name: pathname.slice(1),
    inputs: inputs.map(({ name, shape, data }) => ({
      name,
      shape,
      datatype: 'FP32',
      contents: { fp32_contents: data },
    })),
  };
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => Response,
        request,
        { deadline: Date.now() + 30_000 },
        (error: ServiceError | null, response?: Response) => {
          if (error !== null) reject(Object.assign(error, { code: `gRPC ${status[error.code]} ${error.details}` }));
          else
            resolve({
              version: response?.model_version ?? '',
              numbers: [...(response?.outputs[0]?.contents.fp32_contents ?? [])],
            });
        },
      );
    });
}
