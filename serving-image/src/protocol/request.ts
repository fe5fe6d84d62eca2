import type { ServedModel, Signature, Tensor } from '../model/types.ts';
import { badRequest, quote } from '../errors.ts';

/** A checked request, ready to run: what the bodies of all protocols become. */
export interface Inference {
  /** Key into the model's signatures. */
  signature: string;
  /** In the order of the signature. */
  inputs: Tensor[];
  /** How long the client waits, in milliseconds from the arrival of the request. */
  timeoutMs?: number;
}

/** An answer as it is sent. */
export interface Answer {
  body: Buffer;
  /** Length of the JSON at its begin, when tensors follow as bytes. */
  jsonLength?: number;
}

/** The signature of requests that name none. */
export function defaultSignature(model: ServedModel): Signature {
  const signature = model.signatures.get(model.defaultSignature);
  if (!signature) throw new Error(`model ${model.name} has no signature ${model.defaultSignature}`);
  return signature;
}

/** @throws RequestError 400 */
export function signatureNamed(name: string, model: ServedModel): Signature {
  const signature = model.signatures.get(name);
  if (signature) return signature;
  const known = [...model.signatures.keys()].map(quote).join(', ');
  throw badRequest(`Serving signature name: ${quote(name)} not found in signature def; this model has ${known}`);
}
