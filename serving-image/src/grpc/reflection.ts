/** Server reflection: what generic clients such as grpcurl ask before they ask anything else. */
import { status } from '@grpc/grpc-js';
import { FILES, type ProtoFile } from '../protocol/proto/schema.ts';

/** grpc.reflection.v1.ServerReflectionRequest: beside `host` one field is the message's own, and says what is asked. */
export type ReflectionRequest = Readonly<Record<string, unknown>>;

const byName = new Map(FILES.map((file) => [file.name, file]));

/** Pure. @param services their full names */
export function reflect(request: ReflectionRequest, services: readonly string[]): object {
  return { original_request: request, ...answerTo(request, services) };
}

function answerTo(request: ReflectionRequest, services: readonly string[]): object {
  const [kind, value] = Object.entries(request).find(([name]) => name !== 'host') ?? ['', ''];
  const name = String(value);
  switch (kind) {
    case 'list_services':
      return { list_services_response: { service: services.map((each) => ({ name: each })) } };
    case 'file_by_filename':
      return found(byName.get(name), name);
    case 'file_containing_symbol':
      return found(
        FILES.find(({ symbols }) => symbols.includes(name)),
        name,
      );
    default:
      return refused(status.UNIMPLEMENTED, 'there are no extensions here');
  }
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
