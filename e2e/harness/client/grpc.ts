/** Bundled for the pod from which requests are sent: asks a model over gRPC with the library that its users have. */
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { definitionOf } from '../../../serving-image/src/grpc/definition.ts';

interface Response {
  modelVersion: string;
  rawOutputContents: Uint8Array[];
}

/** @param url `grpc://host:port/model` @param body an inference request of Open Inference v2 REST, its tensors FP32 */
export function asker(url: string, body: string): () => Promise<{ version: string; numbers: number[] }> {
  const { host, pathname } = new URL(url);
  const { ModelInfer: method } = definitionOf('inference.GRPCInferenceService');
  if (method === undefined) throw new Error('the protocol has no ModelInfer');
  const client = new Client(host, credentials.createInsecure());
  const { inputs } = JSON.parse(body) as { inputs: { name: string; shape: number[]; data: number[] }[] };
  const request = {
    modelName: pathname.slice(1),
    inputs: inputs.map(({ name, shape, data }) => ({
      name,
      shape,
      datatype: 'FP32',
      contents: { fp32Contents: data },
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
          else resolve({ version: response?.modelVersion ?? '', numbers: floats(response?.rawOutputContents[0]) });
        },
      );
    });
}

/** Little-endian, as the protocol has them. */
function floats(bytes: Uint8Array = new Uint8Array()): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
