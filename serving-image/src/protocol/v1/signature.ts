import type { ServedModel, Signature } from '../../model/types.ts';
import { badRequest, quote } from '../errors.ts';

/** The value of `signature_name` that is meant by none. @throws RequestError 400 */
export function readSignatureName(value: unknown, model: ServedModel): string {
  if (typeof value !== 'string') throw badRequest(`'signature_name' is ${quote(value)}, expected a string`);
  return value === '' ? model.defaultSignature : value;
}

/** @throws RequestError 400 */
export function signatureNamed(name: string, model: ServedModel): Signature {
  const signature = model.signatures.get(name);
  if (signature) return signature;
  const known = [...model.signatures.keys()].map(quote).join(', ');
  throw badRequest(`Serving signature name: ${quote(name)} not found in signature def; this model has ${known}`);
}
