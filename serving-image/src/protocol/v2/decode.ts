/** Inference requests of the Open Inference protocol, version 2, with Triton's binary tensors. */
import type { ServedModel, Tensor } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';
import { openBody } from '../json/body.ts';
import { signatureNamed, type Inference } from '../request.ts';
import type { Frame } from './framing.ts';
import { Blobs, namesOf, readInputs, readRaw } from './inputs.ts';
import { allOutputs, readOutputs, type WantedOutput } from './outputs.ts';
import { flagParameter, readParameters, wholeParameter, type Parameters } from './parameters.ts';

export interface InferRequest extends Inference {
  id: string | undefined;
  outputs: readonly WantedOutput[];
  /** Whether outputs that do not say so are answered as bytes. */
  binaryOutputs: boolean;
}

const LONGEST_ID = 256;

/**
 * Reads a request for the signature that `parameters.signature_name` names, wherever in the body that stands; else for
 * the default one. @throws RequestError 400, 413
 */
export function decodeInfer(frame: Frame, model: ServedModel): InferRequest {
  try {
    return decodeAs(model.defaultSignature, frame, model);
  } catch (error) {
    const name = namedSignature(frame);
    if (name === undefined || name === '' || name === model.defaultSignature) throw error;
    return decodeAs(name, frame, model);
  }
}

/** @throws RequestError 400, 413; 400 also when another signature is named */
function decodeAs(signature: string, { text, binary }: Frame, model: ServedModel): InferRequest {
  const { inputs: inputSpecs, outputs: outputSpecs } = signatureNamed(signature, model);
  let outputs = allOutputs(outputSpecs);
  if (!text) return { signature, inputs: [readRaw(binary, inputSpecs)], outputs, binaryOutputs: true, id: undefined };
  const scan = openBody(text);
  const blobs = new Blobs(binary);
  let id: string | undefined;
  let inputs: Tensor[] | undefined;
  let parameters: Parameters = {};
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'inputs') inputs = readInputs(scan, inputSpecs, blobs);
    else if (key === 'id') id = readId(scan.value());
    else if (key === 'outputs') outputs = readOutputs(scan.value() ?? [], outputSpecs);
    else if (key === 'parameters') parameters = readParameters(scan.value(), 'parameters');
    else scan.pass();
  }
  scan.finish();
  const { signature_name: named = signature } = parameters;
  if (named !== signature && named !== '')
    throw badRequest(`parameters: signature_name is ${quote(named)}, expected a name`);
  if (!inputs) throw badRequest(`inputs is missing; expected inputs ${namesOf(inputSpecs)}`);
  blobs.finish();
  const microseconds = wholeParameter(parameters, 'timeout', 'parameters') ?? 0;
  return {
    signature,
    inputs,
    id,
    outputs,
    binaryOutputs: flagParameter(parameters, 'binary_data_output', 'parameters') ?? false,
    // Triton's unit; 0 is none.
    ...(microseconds === 0 ? {} : { timeoutMs: microseconds / 1000 }),
  };
}

/** What a body that does not fit the default signature says of it. */
function namedSignature({ text }: Frame): string | undefined {
  if (!text) return undefined;
  try {
    const scan = openBody(text);
    for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
      if (key !== 'parameters') scan.skip();
      else return readParameters(scan.value(), 'parameters').signature_name as string | undefined;
    }
  } catch {
    // What is wrong with it is told already.
  }
  return undefined;
}

function readId(id: unknown): string | undefined {
  if (id === null) return undefined;
  if (typeof id !== 'string') throw badRequest(`id is ${quote(id)}, expected a string`);
  if (id.length > LONGEST_ID) throw badRequest(`id has ${id.length} characters, at most ${LONGEST_ID} are allowed`);
  return id;
}
