import { badRequest, quote } from '../../errors.ts';

/** Values that the protocol allows as parameters. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

const NONE: Parameters = {};

/** Reads a `parameters` object; null and absent are none. Names that mean nothing here are left alone. @throws RequestError 400 */
export function readParameters(value: unknown, field: string): Parameters {
  if (value === undefined || value === null) return NONE;
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest(`${field} is not an object`);
  for (const [name, parameter] of Object.entries(value)) {
    if (['string', 'number', 'boolean'].includes(typeof parameter)) continue;
    throw badRequest(`${field}: ${quote(name)} is ${quote(parameter)}, expected a string, a number or a boolean`);
  }
  if (Object.hasOwn(value, 'shared_memory_region')) {
    throw badRequest(`${field}: shared memory is not supported; send the data in the body`);
  }
  return value as Parameters;
}

/** A whole number from 0 on, or undefined when it is not there. @throws RequestError 400 */
export function wholeParameter(parameters: Parameters, name: string, field: string): number | undefined {
  if (!Object.hasOwn(parameters, name)) return undefined;
  const value = parameters[name];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw badRequest(`${field}: ${name} is ${quote(value)}, expected a whole number, 0 or more`);
}

/** @throws RequestError 400 */
export function flagParameter(parameters: Parameters, name: string, field: string): boolean | undefined {
  if (!Object.hasOwn(parameters, name)) return undefined;
  const value = parameters[name];
  if (typeof value === 'boolean') return value;
  throw badRequest(`${field}: ${name} is ${quote(value)}, expected true or false`);
}
