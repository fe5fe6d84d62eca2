/** Predict requests of TensorFlow Serving's REST interface, and the shorter form that people write by hand. */
import type { ServedModel, Signature, Tensor } from '../../model/types.ts';
import { badRequest } from '../../errors.ts';
import { openBody } from '../json/body.ts';
import { Byte } from '../json/byte.ts';
import { MAX_PARTS, type Scanner } from '../json/scanner.ts';
import type { JsonText } from '../json/text.ts';
import { signatureNamed, type Inference } from '../request.ts';
import { readLenientInput, type LenientInput } from './lenient-input.ts';
import { readSignatureName } from './signature.ts';
import { missingInput, readColumns, readInstances, severalInputs } from './values.ts';

export interface PredictRequest extends Inference {
  /** How it was asked and is answered: in rows, in columns, or one sample that has no batch dimension. */
  form: 'rows' | 'columns' | 'sample';
}

/**
 * What was read at a place in the body, by the signature that was known there. Another one may be named behind it: then
 * it is read again.
 */
interface Attempt<T> {
  at: number;
  signature: string;
  value?: T;
  error?: unknown;
}
type Read<T> = (scan: Scanner, signature: Signature) => T;

const READ: Readonly<Record<string, Read<Tensor[]>>> = { instances: readInstances, inputs: readColumns };

/** @throws RequestError 400, 413 */
export function decodePredict(text: JsonText, model: ServedModel): PredictRequest {
  const scan = openBody(text, { bareTokens: true, list: true });
  if (scan.peek() === Byte.OpenList) return decodeList(scan, model);
  let signature = model.defaultSignature;
  let tensors: { key: string; attempt: Attempt<Tensor[]> } | undefined;
  const others = new Map<string, Attempt<LenientInput>>();
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    const read = Object.hasOwn(READ, key) ? READ[key] : undefined;
    if (key === 'signature_name') {
      signature = readSignatureName(scan.value(), model);
    } else if (read) {
      if (tensors?.key === key) throw givenTwice(key);
      if (tensors) throw badRequest("Both 'instances' and 'inputs' keys are given; send one of them");
      tensors = { key, attempt: attempt(scan, signature, model, read) };
    } else {
      if (others.has(key)) throw givenTwice(key);
      scan.count(MAX_PARTS);
      others.set(key, attempt(scan, signature, model, readInput(key)));
    }
  }
  scan.finish();
  if (!tensors) return decodeLenient(scan, others, signature, model);
  for (const { at } of others.values()) checkIgnored(scan, at);
  const { key, attempt: made } = tensors;
  const inputs = resultOf(scan, made, signature, model, READ[key] ?? readInstances);
  return { signature, inputs, form: key === 'instances' ? 'rows' : 'columns' };
}

/** A body that is nothing but the value of the only input. */
function decodeList(scan: Scanner, model: ServedModel): PredictRequest {
  const signature = signatureNamed(model.defaultSignature, model);
  const [only] = signature.inputs;
  if (!only || signature.inputs.length > 1) throw severalInputs('the request body is a plain list', signature);
  const { tensor, sample } = readLenientInput(scan, only, 'the request body');
  scan.finish();
  return { signature: model.defaultSignature, inputs: [tensor], form: sample ? 'sample' : 'columns' };
}

/** A body whose keys are the names of the inputs. */
function decodeLenient(
  scan: Scanner,
  found: ReadonlyMap<string, Attempt<LenientInput>>,
  name: string,
  model: ServedModel,
): PredictRequest {
  const signature = signatureNamed(name, model);
  const known = signature.inputs.filter((spec) => found.has(spec.name));
  if (known.length === 0) throw badRequest("Missing 'inputs' or 'instances' key");
  for (const [key, { at }] of found) if (!known.some((spec) => spec.name === key)) checkIgnored(scan, at);
  const read = signature.inputs.map((spec) => {
    const made = found.get(spec.name);
    if (!made) throw missingInput('the request body:', spec);
    return resultOf(scan, made, name, model, readInput(spec.name));
  });
  return {
    signature: name,
    inputs: read.map(({ tensor }) => tensor),
    form: read.every(({ sample }) => sample) ? 'sample' : 'columns',
  };
}

/** What nobody reads must still be JSON: an attempt at reading it may have passed over its faults. */
function checkIgnored(scan: Scanner, at: number): void {
  scan.at = at;
  scan.pass();
}

const givenTwice = (key: string) => badRequest(`'${key}' is given twice`);

const readInput =
  (key: string): Read<LenientInput> =>
  (scan, { inputs }) => {
    const spec = inputs.find(({ name }) => name === key);
    if (spec) return readLenientInput(scan, spec, JSON.stringify(key));
    scan.pass();
    throw badRequest(`${JSON.stringify(key)} is no input`);
  };

function attempt<T>(scan: Scanner, signature: string, model: ServedModel, read: Read<T>): Attempt<T> {
  const { at } = scan;
  try {
    return { at, signature, value: read(scan, signatureNamed(signature, model)) };
  } catch (error) {
    scan.at = at;
    scan.skip();
    return { at, signature, error };
  }
}

function resultOf<T>(scan: Scanner, made: Attempt<T>, signature: string, model: ServedModel, read: Read<T>): T {
  if (made.signature !== signature) {
    scan.at = made.at;
    return read(scan, signatureNamed(signature, model));
  }
  if (made.value === undefined) throw made.error;
  return made.value;
}
