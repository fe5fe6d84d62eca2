import type { EngineChoice, Judgement, ModelFolder, ServedModel, Signature } from './types.ts';

const DEFAULT_SIGNATURE = 'serving_default';

/** A folder whose model an engine has loaded, as the protocols know it. Pure. */
export function servedModel(
  { name, version, format }: ModelFolder,
  { engine, reason }: EngineChoice,
  signatures: ReadonlyMap<string, Signature>,
): ServedModel {
  const defaultSignature = signatures.has(DEFAULT_SIGNATURE)
    ? DEFAULT_SIGNATURE
    : ([...signatures.keys()][0] ?? DEFAULT_SIGNATURE);
  return { name, version, format, engine, engineReason: reason, signatures, defaultSignature };
}

/** Whether the server may ask the signature something that no client has asked: what it answers later is the same for it. Pure. */
export const mayBeTried = (judged: ReadonlyMap<string, Judgement>, signature: string): boolean =>
  judged.get(signature)?.effects !== true;
