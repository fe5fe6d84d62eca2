import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Type } from 'protobufjs';
import { serviceNamed } from '../protocol/proto/schema.ts';

/** A service as the gRPC library takes it. `name` is what clients call it, `schema` where its methods are described. */
export function definitionOf(name: string, schema = name): ServiceDefinition {
  return Object.fromEntries(
    serviceNamed(schema).methodsArray.map((method) => {
      const { resolvedRequestType: request, resolvedResponseType: response } = method.resolve() as typeof method & {
        resolvedRequestType: Type;
        resolvedResponseType: Type;
      };
      return [
        method.name,
        {
          path: `/${name}/${method.name}`,
          requestStream: method.requestStream === true,
          responseStream: method.responseStream === true,
          requestSerialize: write(request),
          // Decoded by who asks for it: see `requestType`.
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: write(response),
          responseDeserialize: read(response),
        },
      ];
    }),
  );
}

/** What the messages of a method are. */
export const requestType = (service: string, method: string): Type => {
  const { resolvedRequestType } = serviceNamed(service).lookup(method)?.resolve() as unknown as {
    resolvedRequestType: Type;
  };
  return resolvedRequestType;
};

const read = (type: Type) => (bytes: Buffer) => type.decode(bytes);

/** The library's writer makes Buffers in node. */
const write = (type: Type) => (message: object) => type.encode(message).finish() as Buffer;
