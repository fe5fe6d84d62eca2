import type { ServedModel } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';

/** The value of `signature_name` that is meant by none. @throws RequestError 400 */
export function readSignatureName(value: unknown, model: ServedModel): string {
  if (typeof value !== 'string') throw badRequest(`'signature_name' is ${quote(value)}, expected a string`);
  return value === '' ? model.defaultSignature : value;
}
