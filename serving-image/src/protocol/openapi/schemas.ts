/** JSON Schemas (2020-12) of what the protocols send. Pure. */
import type { DataType, Signature, TensorSpec } from '../../model/types.ts';

export type Schema = Readonly<Record<string, unknown>>;

const whole = (bits: number, signed: boolean): Schema => ({
  type: 'integer',
  minimum: signed ? -(2 ** (bits - 1)) : 0,
  // The largest that a double can tell from the next power of two.
  maximum: bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** (signed ? bits - 1 : bits) - 1,
});
/** What is nearer to zero is rounded to a float32, what is not is infinite. */
const BEYOND_FP32 = 2 ** 128 - 2 ** 103;

/** An element in JSON; 16-bit floats have no such form, and are sent as binary data. */
const ELEMENT: Readonly<Record<DataType, Schema>> = {
  BOOL: { type: 'boolean' },
  UINT8: whole(8, false),
  UINT16: whole(16, false),
  UINT32: whole(32, false),
  UINT64: whole(64, false),
  INT8: whole(8, true),
  INT16: whole(16, true),
  INT32: whole(32, true),
  INT64: whole(64, true),
  FP16: { type: 'number' },
  BF16: { type: 'number' },
  FP32: { type: 'number', exclusiveMinimum: -BEYOND_FP32, exclusiveMaximum: BEYOND_FP32 },
  FP64: { type: 'number' },
  BYTES: { type: 'string' },
};

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const list = (items: Schema): Schema => ({ type: 'array', items });

/** All properties are required but those of `optional`. */
export const object = (properties: Record<string, Schema>, optional: Record<string, Schema> = {}): Schema => ({
  type: 'object',
  required: Object.keys(properties),
  properties: { ...properties, ...optional },
});

const parameters: Schema = {
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};

/** Sizes of a tensor: what is free is 1 or more. */
function shapeOf({ shape, unknownRank }: TensorSpec): Schema {
  const size: Schema = { type: 'integer', minimum: 1 };
  if (unknownRank) return list(size);
  return {
    type: 'array',
    prefixItems: shape.map((each) => (each < 0 ? size : { const: each })),
    minItems: shape.length,
    maxItems: shape.length,
  };
}

const inputV2 = (spec: TensorSpec): Schema =>
  object(
    {
      name: { const: spec.name },
      datatype: { const: spec.dtype },
      shape: shapeOf(spec),
      data: { ...list(ELEMENT[spec.dtype]), description: 'row-major; may be nested as the shape is' },
    },
    {},
  );

/** Without a signature the tensors of any model. */
const anyTensor = object(
  { name: text, datatype: { enum: Object.keys(ELEMENT) }, shape: list({ type: 'integer' }) },
  { data: { type: 'array' }, parameters },
);

/** An inference of Open Inference. */
export function inferRequest(signature: Signature | undefined): Schema {
  const inputs = signature?.inputs.map(inputV2);
  const items = inputs && (inputs.length === 1 ? inputs[0] : { oneOf: inputs });
  return object(
    {
      inputs: inputs
        ? { type: 'array', items, minItems: inputs.length, maxItems: inputs.length }
        : { type: 'array', items: anyTensor },
    },
    {
      id: { type: 'string', maxLength: 256 },
      outputs: list(object({ name: signature ? { enum: signature.outputs.map(({ name }) => name) } : text })),
    },
  );
}

export const inferResponse: Schema = object(
  { model_name: text, model_version: text, outputs: list(anyTensor) },
  { id: text, parameters },
);

/** Nested as the sizes are, from the outside in. */
function nested({ dtype, shape, unknownRank }: TensorSpec): Schema {
  if (unknownRank) return {};
  return shape.reduceRight<Schema>(
    (items, size) => ({ type: 'array', items, ...(size < 0 ? { minItems: 1 } : { minItems: size, maxItems: size }) }),
    ELEMENT[dtype],
  );
}

/** A prediction of TensorFlow Serving, in columns: the form that all models have. */
export function predictRequest(signature: Signature | undefined): Schema {
  const columns = signature && object(Object.fromEntries(signature.inputs.map((spec) => [spec.name, nested(spec)])));
  return object({ inputs: columns ?? {} });
}

/** Of classify and regress. */
export const examplesRequest: Schema = object(
  { examples: { type: 'array', items: { type: 'object' }, minItems: 1 } },
  { context: { type: 'object' }, signature_name: text },
);

export const error: Schema = object({ error: text });

export const metadataV2: Schema = object({
  name: text,
  versions: list(text),
  platform: text,
  inputs: list(anyTensor),
  outputs: list(anyTensor),
});
