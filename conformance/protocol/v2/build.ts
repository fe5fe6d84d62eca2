/** Requests of the Open Inference protocol as the tables write them. */
import type { Request } from '../case.ts';
import { DATATYPES, inputOf, MODEL, outputOf, type SuiteType } from '../models.ts';
import { bytesOf, element, tensors, type InputTensor, type Subject } from '../subject.ts';

export const JSON_HEADERS = { 'Content-Type': 'application/json' } as const;
export const LENGTH_HEADER = 'Inference-Header-Content-Length';
const infersAt = (model: string) => `/v2/models/${encodeURIComponent(model)}/infer`;

/** `body` is written as it is if it is text, else as JSON. */
export const infer = (model: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Request => ({
  method: 'POST',
  path: infersAt(model),
  headers: { ...JSON_HEADERS, ...headers },
  body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
});

/** A sound request, with what the case changes about it. */
export const sound = (subject: Subject, change: object = {}): Request =>
  infer(subject.model, { inputs: tensors(subject), ...change });

/** A sound request whose first input is changed. */
export function changed(subject: Subject, change: Partial<InputTensor>): Request {
  const [first, ...others] = tensors(subject);
  return infer(subject.model, { inputs: [{ ...first, ...change }, ...others] });
}

export const get = (path: string): Request => ({ method: 'GET', path });

/** JSON with bytes behind it. */
export function binary(
  model: string,
  head: unknown,
  blobs: readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
): Request {
  const json = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head));
  return infer(model, Buffer.concat([json, ...blobs]), {
    'Content-Type': 'application/octet-stream',
    [LENGTH_HEADER]: String(json.length),
    ...headers,
  });
}

/** An input of the model `types`: the others get one element each, so that every input has `rows` rows. */
export interface Typed {
  type: SuiteType;
  /** JSON text of `data`. */
  data: string;
  rows: number;
}

export function typed({ type, data, rows }: Typed): Request {
  const inputs = DATATYPES.map((other) => {
    const values = other === type ? data : JSON.stringify(Array.from({ length: rows }, (_, i) => element(other, i)));
    return `{"name":"${inputOf(other)}","shape":[${rows}],"datatype":"${other}","data":${values}}`;
  });
  return infer(MODEL.types, `{"inputs":[${inputs.join(',')}],"outputs":[{"name":"${outputOf(type)}"}]}`);
}

/** The same with all inputs as bytes, and the output too if `binaryOutput`. */
export function typedBinary(type: SuiteType, blob: Buffer, rows: number, binaryOutput: boolean): Request {
  const blobs = DATATYPES.map((other) =>
    other === type
      ? blob
      : bytesOf(
          other,
          Array.from({ length: rows }, (_, i) => element(other, i)),
        ),
  );
  const inputs = DATATYPES.map((other, i) => ({
    name: inputOf(other),
    shape: [rows],
    datatype: other,
    parameters: { binary_data_size: blobs[i]?.length },
  }));
  const outputs = [{ name: outputOf(type), parameters: { binary_data: binaryOutput } }];
  return binary(MODEL.types, { inputs, outputs }, blobs);
}
