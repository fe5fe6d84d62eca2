/** The messages and services of the gRPC protocols, from the descriptors that their publishers have made. */
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { DESCRIPTORS } from './descriptors.gen.ts';

/** A published .proto file. */
export interface ProtoFile {
  name: string;
  /** Names of the files it imports. */
  imports: readonly string[];
  /** Full names of what it defines. */
  symbols: readonly string[];
  /** In the binary form of descriptor.proto. */
  bytes: Uint8Array;
}

interface Named {
  name: string;
}
type FileDescriptor = Named & {
  package: string;
  dependency?: string[];
  messageType?: (Named & { nestedType?: Named[]; field?: Named[] })[];
  enumType?: Named[];
  service?: (Named & { method?: Named[] })[];
};

const sources = DESCRIPTORS.map((text) => Buffer.from(text, 'base64'));
const decoded = sources.map((bytes) => descriptor.FileDescriptorProto.decode(bytes) as unknown as FileDescriptor);

export const FILES: readonly ProtoFile[] = decoded.map((file, i) => ({
  name: file.name,
  imports: file.dependency ?? [],
  symbols: symbolsOf(file),
  bytes: sources[i] as Buffer,
}));

function symbolsOf({ package: scope, messageType = [], enumType = [], service = [] }: FileDescriptor): string[] {
  return [
    ...[...messageType, ...enumType].map(({ name }) => `${scope}.${name}`),
    ...messageType.flatMap(({ name, nestedType = [] }) =>
      nestedType.map((nested) => `${scope}.${name}.${nested.name}`),
    ),
    ...service.flatMap(({ name, method = [] }) => [
      `${scope}.${name}`,
      ...method.map((each) => `${scope}.${name}.${each.name}`),
    ]),
  ];
}

const root = (
  protobuf.Root as unknown as { fromDescriptor(set: { file: readonly FileDescriptor[] }): protobuf.Root }
).fromDescriptor({ file: decoded });
root.resolveAll();

/** By its full name. */
export const messageType = (name: string): protobuf.Type => root.lookupType(name);

/** By its full name. */
export const serviceNamed = (name: string): protobuf.Service => root.lookupService(name);

/** Names of the values of an enum, by their numbers. */
export const enumNames = (name: string): Readonly<Record<number, string>> => root.lookupEnum(name).valuesById;

/** Numbers of the values of an enum, by their names. */
export const enumNumbers = (name: string): Readonly<Record<string, number>> => root.lookupEnum(name).values;
