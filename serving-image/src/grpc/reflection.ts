/** Server reflection: what generic clients such as grpcurl ask before they ask anything else. */
import { status } from '@grpc/grpc-js';
import { FILES, type ProtoFile } from '../protocol/proto/schema.ts';

/** grpc.reflection.v1.ServerReflectionRequest, of which one field is set. */
export interface ReflectionRequest {
  file_by_filename?: string;
  file_containing_symbol?: string;
  list_services?: string;
}

const byName = new Map(FILES.map((file) => [file.name, file]));

/** Pure. @param services their full names */
export function reflect(request: ReflectionRequest, services: readonly string[]): object {
  const answer = answerTo(request, services);
  return { original_request: request, ...answer };
}

function answerTo(
  { file_by_filename, file_containing_symbol, list_services }: ReflectionRequest,
  services: readonly string[],
): object {
  if (list_services !== undefined) return { list_services_response: { service: services.map((name) => ({ name })) } };
  if (file_by_filename !== undefined) return found(byName.get(file_by_filename), file_by_filename);
  if (file_containing_symbol !== undefined) {
    return found(
      FILES.find(({ symbols }) => symbols.includes(file_containing_symbol)),
      file_containing_symbol,
    );
  }
  return refused(status.UNIMPLEMENTED, 'there are no extensions here');
}

function found(file: ProtoFile | undefined, what: string): object {
  if (!file) return refused(status.NOT_FOUND, `${what.slice(0, 200)} is not served here`);
  const needed = new Set<ProtoFile>();
  const add = (one: ProtoFile | undefined): void => {
    if (!one || needed.has(one)) return;
    needed.add(one);
    for (const name of one.imports) add(byName.get(name));
  };
  add(file);
  return { file_descriptor_response: { file_descriptor_proto: [...needed].map(({ bytes }) => bytes) } };
}

const refused = (error_code: number, error_message: string): object => ({
  error_response: { error_code, error_message },
});
