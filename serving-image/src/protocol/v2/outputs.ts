import type { TensorSpec } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';
import { namesOf } from './inputs.ts';
import { flagParameter, readParameters, wholeParameter } from './parameters.ts';

/** An output that is to be answered, and how. */
export interface WantedOutput {
  /** Among the outputs of the signature. */
  place: number;
  /** As bytes behind the JSON, or in it; undefined where the request as a whole decides. */
  binary: boolean | undefined;
  /** Answer so many of the highest values as text, by Triton's classification extension; 0: the tensor itself. */
  classes: number;
}

/** Reads the list of outputs; an empty one asks for all. @throws RequestError 400 */
export function readOutputs(value: unknown, specs: readonly TensorSpec[]): WantedOutput[] {
  if (!Array.isArray(value)) throw badRequest(`outputs is ${quote(value)}, expected a list`);
  const wanted = value.map((item: unknown, i) => readOutput(item, specs, `outputs[${i}]`));
  if (new Set(wanted.map(({ place }) => place)).size !== wanted.length) {
    throw badRequest('outputs: the same output is asked for twice');
  }
  return wanted.length > 0 ? wanted : allOutputs(specs);
}

export const allOutputs = (specs: readonly TensorSpec[]): WantedOutput[] =>
  specs.map((_, place) => ({ place, binary: undefined, classes: 0 }));

function readOutput(item: unknown, specs: readonly TensorSpec[], field: string): WantedOutput {
  if (typeof item !== 'object' || item === null) throw badRequest(`${field} is ${quote(item)}, expected an object`);
  const { name, parameters: given } = item as { name?: unknown; parameters?: unknown };
  const parameters = readParameters(given, `${field}.parameters`);
  const place = specs.findIndex((output) => output.name === name);
  const spec = specs[place];
  if (!spec) throw badRequest(`${field}.name is ${quote(name)}; the outputs of this model are ${namesOf(specs)}`);
  const classes = wholeParameter(parameters, 'classification', `${field}.parameters`) ?? 0;
  if (classes > 0 && (spec.dtype === 'BYTES' || spec.dtype === 'BOOL')) {
    throw badRequest(`${field}: ${spec.dtype} has no order, so there is no classification of it`);
  }
  return { place, binary: flagParameter(parameters, 'binary_data', `${field}.parameters`), classes };
}
