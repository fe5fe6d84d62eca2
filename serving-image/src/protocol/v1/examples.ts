/** Classify and regress requests of TensorFlow Serving's REST interface, and their answers. */
import type { ServedModel, Signature, Tensor } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';
import { openBody } from '../json/body.ts';
import { Byte } from '../json/byte.ts';
import type { Scanner } from '../json/scanner.ts';
import type { JsonText } from '../json/text.ts';
import { JsonWriter } from '../json/writer.ts';
import { signatureNamed, type Inference } from '../request.ts';
import { readExample } from './features.ts';
import { readSignatureName } from './signature.ts';

type Method = 'classify' | 'regress';

/** @throws RequestError 400 */
export function decodeExamples(text: JsonText, model: ServedModel, method: Method): Inference {
  const scan = openBody(text, { bareTokens: true });
  let signature = model.defaultSignature;
  let context: Uint8Array | undefined;
  let examples: Uint8Array[] | undefined;
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'signature_name') signature = readSignatureName(scan.value(), model);
    else if (key === 'context') context = readExample(scan, "'context'");
    else if (key === 'examples') examples = readExamples(scan);
    else scan.pass();
  }
  scan.finish();
  const input = inputOf(signatureNamed(signature, model), method);
  if (!examples) throw badRequest(`When method is ${method}, key 'examples' is expected and was not found`);
  const data = context ? examples.map((example) => Buffer.concat([context, example])) : examples;
  return { signature, inputs: [{ name: input, dtype: 'BYTES', shape: [data.length], data }] };
}

function readExamples(scan: Scanner): Uint8Array[] {
  if (scan.peek() !== Byte.OpenList) throw badRequest("Expecting 'examples' value to be an list/array");
  const examples: Uint8Array[] = [];
  for (let more = scan.firstItem(); more; more = scan.nextItem()) {
    examples.push(readExample(scan, `'examples' element ${examples.length}`));
  }
  if (examples.length === 0) throw badRequest("'examples' value is an empty array");
  return examples;
}

/** The name of the input that takes the examples. */
function inputOf({ inputs, method }: Signature, asked: Method): string {
  const expected = `tensorflow/serving/${asked}`;
  const kind = asked === 'classify' ? 'classification' : 'regression';
  if (method !== expected) {
    throw badRequest(`Expected ${kind} signature method_name to be ${expected}. Was: ${method ?? 'none'}`);
  }
  const [only] = inputs;
  if (only && inputs.length === 1 && only.dtype === 'BYTES' && only.shape.length === 1) return only.name;
  throw badRequest(`Expected one input Tensor: a ${kind} signature takes a list of serialized examples`);
}

/** The answer of classify, as JSON. @throws RequestError 400 when the outputs are not those of a classification */
export function encodeClassify(request: Inference, outputs: readonly Tensor[], largest = Infinity): Buffer {
  const rows = rowsOf(request);
  const classes = matrixOf(outputs, 'classes', 'BYTES', rows);
  const scores = matrixOf(outputs, 'scores', 'FP32', rows);
  const size = classes?.shape[1] ?? scores?.shape[1];
  if (size === undefined) {
    throw badRequest('Expected classification signature outputs to contain at least one of "classes" or "scores"');
  }
  if (classes && scores && classes.shape[1] !== scores.shape[1]) {
    throw badRequest(`classes and scores have ${classes.shape[1]} and ${scores.shape[1]} columns, expected the same`);
  }
  const json = new JsonWriter(largest).raw('{"results":[');
  for (let row = 0; row < rows; row++) {
    json.raw(row === 0 ? '[' : ',[');
    for (let i = 0; i < size; i++) {
      const at = row * size + i;
      json.raw(i === 0 ? '[' : ',[');
      if (classes) json.elements(classes, at, at + 1, 'v2');
      else json.raw('""');
      json.raw(',');
      if (scores) json.elements(scores, at, at + 1, 'v1');
      else json.raw('0.0');
      json.raw(']');
    }
    json.raw(']');
  }
  return json.raw(']}').finish();
}

/** The answer of regress, as JSON. @throws RequestError 400 when the output is not that of a regression */
export function encodeRegress(request: Inference, outputs: readonly Tensor[], largest = Infinity): Buffer {
  const rows = rowsOf(request);
  const output = outputs.find(({ name }) => name === 'outputs');
  if (output?.dtype !== 'FP32' || output.data.length !== rows) {
    const found = output ? `${output.dtype} of shape [${output.shape.join(',')}]` : 'none';
    throw badRequest(`Expected a regression output "outputs" of FP32 with one value for each example; found ${found}`);
  }
  return new JsonWriter(largest).raw('{"results":[').elements(output, 0, rows, 'v1').raw(']}').finish();
}

const rowsOf = ({ inputs }: Inference) => inputs[0]?.shape[0] ?? 0;

function matrixOf(outputs: readonly Tensor[], name: string, dtype: Tensor['dtype'], rows: number): Tensor | undefined {
  const tensor = outputs.find((output) => output.name === name);
  if (!tensor) return undefined;
  const { shape } = tensor;
  if (tensor.dtype === dtype && shape.length === 2 && shape[0] === rows) return tensor;
  throw badRequest(
    `Expected ${quote(name)} of ${dtype} and shape [batch_size num_classes], ${rows} rows; got ${tensor.dtype} [${shape.join(',')}]`,
  );
}
