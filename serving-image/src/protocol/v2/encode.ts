import { sizeOf, type ServedModel, type Signature, type Tensor } from '../../model/types.ts';
import { tooManyElements } from '../../errors.ts';
import { MAX_TEXTS } from '../json/column.ts';
import { JsonWriter } from '../json/writer.ts';
import type { Answer } from '../request.ts';
import { writeBinary } from './binary.ts';
import type { InferRequest } from './decode.ts';

/** The answer of an inference. `outputs` are those of the signature, in its order. @throws RequestError 507 */
export function encodeInfer(
  model: ServedModel,
  request: InferRequest,
  outputs: readonly Tensor[],
  largest = Infinity,
): Answer {
  // Before the answer is begun: classification writes texts of its own.
  const wanted = request.outputs.map(({ place, binary = request.binaryOutputs, classes }) => {
    const output = outputs[place];
    if (!output) throw new Error(`the engine gave ${outputs.length} outputs, output ${place} is wanted`);
    return {
      binary,
      tensor: classes > 0 ? classify(output, classes, model.signatures.get(request.signature)) : output,
    };
  });
  const json = new JsonWriter(largest);
  const blobs: Buffer[] = [];
  json.raw(`{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`);
  if (request.id !== undefined) json.raw(`,"id":${JSON.stringify(request.id)}`);
  wanted.forEach(({ binary, tensor }, i) => {
    const { name, dtype, shape } = tensor;
    json.raw(i === 0 ? ',"outputs":[' : ',');
    json.raw(`{"name":${JSON.stringify(name)},"shape":[${shape.join(',')}],"datatype":"${dtype}"`);
    if (binary) {
      const blob = writeBinary(tensor);
      blobs.push(blob);
      json.raw(`,"parameters":{"binary_data_size":${blob.length}}}`);
    } else {
      json.raw(',"data":[').elements(tensor, 0, tensor.data.length, 'v2').raw(']}');
    }
  });
  const head = json.raw(']}').finish();
  return blobs.length === 0 ? { body: head } : { body: Buffer.concat([head, ...blobs]), jsonLength: head.length };
}

/**
 * The highest values of each row as text, `value:index`, highest first (Triton's classification extension). Rows are
 * those of the first dimension where the model leaves its size free; otherwise all values are one row.
 */
function classify(tensor: Tensor, classes: number, signature: Signature | undefined): Tensor {
  const spec = signature?.outputs.find(({ name }) => name === tensor.name);
  const batched = spec?.shape[0] === -1 && tensor.shape.length > 1;
  const rows = batched ? (tensor.shape[0] ?? 1) : 1;
  const length = batched ? sizeOf(tensor.shape.slice(1)) : tensor.data.length;
  const count = Math.min(classes, length);
  if (rows * count > MAX_TEXTS) throw tooManyElements(`the classification of ${tensor.name}`, MAX_TEXTS);
  const values = tensor.data as ArrayLike<number | bigint>;
  const data: Uint8Array[] = [];
  for (let row = 0; row < rows; row++) {
    const places = Array.from({ length }, (_, i) => i);
    const at = (i: number) => values[row * length + i] as number;
    places.sort((a, b) => (at(a) < at(b) ? 1 : at(a) > at(b) ? -1 : a - b));
    for (const i of places.slice(0, count)) {
      const value = new JsonWriter().elements(tensor, row * length + i, row * length + i + 1, 'v2').finish();
      // Without the quotes of a NaN.
      data.push(Buffer.from(`${value.toString().replaceAll('"', '')}:${i}`));
    }
  }
  return { name: tensor.name, dtype: 'BYTES', shape: batched ? [rows, count] : [count], data };
}
