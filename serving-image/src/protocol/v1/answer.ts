import type { Tensor } from '../../model/types.ts';
import { badRequest } from '../../errors.ts';
import { JsonWriter } from '../json/writer.ts';
import type { PredictRequest } from './predict.ts';

/** The answer, as JSON. `outputs` are those of the signature, in its order. @throws RequestError 400, 507 */
export function encodePredict({ form }: PredictRequest, outputs: readonly Tensor[], largest = Infinity): Buffer {
  const json = new JsonWriter(largest);
  if (form !== 'rows') {
    const sample = form === 'sample' && outputs.every(({ shape }) => shape[0] === 1);
    json.raw('{"outputs":');
    writeValue(json, outputs, (tensor) => (sample ? json.row(tensor, 0) : json.nested(tensor)));
    return json.raw('}').finish();
  }
  const rows = rowsOf(outputs);
  json.raw('{"predictions":[');
  for (let row = 0; row < rows; row++) {
    if (row > 0) json.raw(',');
    writeValue(json, outputs, (tensor) => json.row(tensor, row));
  }
  return json.raw(']}').finish();
}

function rowsOf(outputs: readonly Tensor[]): number {
  const rows = outputs[0]?.shape[0];
  for (const { name, shape } of outputs) {
    if (shape[0] === undefined)
      throw badRequest(`Tensor name: ${name} has no batch dimension; use 'inputs' instead of 'instances'`);
    if (shape[0] !== rows)
      throw badRequest(`Tensor name: ${name} has inconsistent batch size: ${shape[0]} expecting ${rows}`);
  }
  return rows ?? 0;
}

/** One output stands alone, several are named. */
function writeValue(json: JsonWriter, outputs: readonly Tensor[], write: (tensor: Tensor) => void): void {
  if (outputs.length === 1) {
    for (const tensor of outputs) write(tensor);
    return;
  }
  outputs.forEach((tensor, i) => {
    json.raw(`${i === 0 ? '{' : ','}${JSON.stringify(tensor.name)}:`);
    write(tensor);
  });
  json.raw('}');
}
