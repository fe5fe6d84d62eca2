/** Examples as TensorFlow's parsing operations want them: protocol buffers of tensorflow/core/example/example.proto. Pure. */
import protobuf from 'protobufjs/minimal.js';

/** Field numbers of Feature's three kinds. */
const KIND = { bytes: 1, float: 2, int64: 3 } as const;
type Kind = keyof typeof KIND;
export type FeatureValue =
  { kind: 'bytes'; value: Uint8Array } | { kind: 'float'; value: number } | { kind: 'int64'; value: bigint };

/** Tag of a field whose value has a length before it. */
const tag = (field: number) => (field << 3) | 2;

/** All values of a feature are of one kind. */
export function writeExample(features: Iterable<readonly [name: string, values: readonly FeatureValue[]]>): Uint8Array {
  const written = protobuf.Writer.create();
  for (const [name, values] of features)
    written.uint32(tag(1)).fork().uint32(tag(1)).string(name).uint32(tag(2)).bytes(writeFeature(values)).ldelim();
  return protobuf.Writer.create().uint32(tag(1)).bytes(written.finish()).finish();
}

function writeFeature(values: readonly FeatureValue[]): Uint8Array {
  const feature = protobuf.Writer.create();
  const kind: Kind | undefined = values[0]?.kind;
  if (kind === undefined) return feature.finish();
  feature.uint32(tag(KIND[kind])).fork();
  if (kind === 'bytes') {
    for (const { value } of values) feature.uint32(tag(1)).bytes(value as Uint8Array);
  } else {
    // Numbers are packed: one field with all of them.
    feature.uint32(tag(1)).fork();
    for (const { value } of values) writeNumber(feature, value as number | bigint);
    feature.ldelim();
  }
  return feature.ldelim().finish();
}

function writeNumber(writer: protobuf.Writer, value: number | bigint): void {
  if (typeof value === 'number') {
    writer.float(value);
    return;
  }
  const bits = BigInt.asUintN(64, value);
  writer.uint64({ low: Number(bits & 0xffffffffn), high: Number(bits >> 32n), unsigned: true });
}
