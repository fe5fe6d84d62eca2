/** Classify and Regress of TensorFlow Serving over gRPC, and the same in JSON as REST has it. Pure. */
import { badRequest } from '../../errors.ts';
import type { ModelSpec } from './predict.ts';
import { bigintOf, type Long } from './values.ts';

/** tensorflow.Feature: one of three. */
interface Feature {
  bytes_list?: { value: readonly Uint8Array[] } | null;
  float_list?: { value: readonly number[] } | null;
  int64_list?: { value: readonly (number | Long)[] } | null;
}
interface Example {
  features: { feature: Readonly<Record<string, Feature>> } | null;
}

/** tensorflow.serving.ClassificationRequest and RegressionRequest. */
export interface ExamplesRequest {
  model_spec: ModelSpec | null;
  input: {
    example_list?: { examples: readonly Example[] } | null;
    example_list_with_context?: { examples: readonly Example[]; context: Example | null } | null;
  } | null;
}

/** @throws RequestError 400 */
export function examplesBody({ model_spec, input }: ExamplesRequest): Buffer {
  const list = input?.example_list ?? input?.example_list_with_context;
  if (!list) throw badRequest('Input is empty: send example_list or example_list_with_context');
  const context = input?.example_list_with_context?.context;
  const fields = [
    `"signature_name":${JSON.stringify(model_spec?.signature_name ?? '')}`,
    ...(context ? [`"context":${exampleText(context)}`] : []),
    `"examples":[${list.examples.map(exampleText).join(',')}]`,
  ];
  return Buffer.from(`{${fields.join(',')}}`);
}

const exampleText = ({ features }: Example): string =>
  `{${Object.entries(features?.feature ?? {})
    .map(([name, feature]) => `${JSON.stringify(name)}:[${valuesOf(feature).join(',')}]`)
    .join(',')}}`;

function valuesOf({ bytes_list, float_list, int64_list }: Feature): string[] {
  if (bytes_list) {
    return bytes_list.value.map((bytes) => JSON.stringify({ b64: Buffer.from(bytes).toString('base64') }));
  }
  if (float_list) return float_list.value.map(floatText);
  return (int64_list?.value ?? []).map((value) => String(bigintOf(value)));
}

/** A number with a point or an exponent: without one it would be an integer. NaN and infinities stand bare. */
const floatText = (value: number): string => (Number.isInteger(value) ? value.toExponential() : String(value));

/** Rows of `[label, score]`, as REST answers. */
export const classifyResult = (rows: readonly (readonly (readonly [string, number])[])[]): object => ({
  classifications: rows.map((row) => ({ classes: row.map(([label, score]) => ({ label, score })) })),
});

export const regressResult = (values: readonly number[]): object => ({
  regressions: values.map((value) => ({ value })),
});
