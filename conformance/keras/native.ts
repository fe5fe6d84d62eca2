/** A converted model on the engine that serves it, beside what Keras answered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examineModel } from '@modeldeployment/modelpack/examine';
import { loadAddon } from '../../serving-image/src/addon.ts';
import { loadSavedModel } from '../../serving-image/src/engines/tensorflow/saved-model.ts';
import type { SessionAddon } from '../../serving-image/src/engines/tensorflow/session.ts';
import type { DataType, Tensor, TensorData } from '../../serving-image/src/model/types.ts';

interface CaseTensor {
  name: string;
  dtype: string;
  shape: number[];
  file: string;
}
interface Case {
  /** How far an answer may be from that of Keras, as a part of the largest. */
  bound: number;
  inputs: CaseTensor[];
  outputs: CaseTensor[];
}

const ARRAYS: Record<string, [DataType, new (bytes: ArrayBuffer) => TensorData & ArrayLike<number | bigint>]> = {
  bool: ['BOOL', Uint8Array],
  uint8: ['UINT8', Uint8Array],
  int32: ['INT32', Int32Array],
  int64: ['INT64', BigInt64Array],
  float32: ['FP32', Float32Array],
  float64: ['FP64', Float64Array],
};

function read(folder: string, { name, dtype, shape, file }: CaseTensor): Tensor {
  const [type, TypedArray] = ARRAYS[dtype] ?? [];
  if (type === undefined || TypedArray === undefined) throw new Error(`${name} has the type ${dtype}`);
  const bytes = readFileSync(join(folder, file));
  return { name, dtype: type, shape, data: new TypedArray(Uint8Array.from(bytes).buffer) };
}

/** What is wrong, in lines: answers, and what the server would say of the graph. */
export async function answersAsKeras(folder: string, format: string): Promise<string[]> {
  const directory = join(folder, format);
  const { bound, inputs, outputs } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case;
  const { info, signatures, judged, refused } = await examineModel(directory);
  const wrong = [...refused];
  for (const { rows } of judged.values()) {
    if (rows.rows !== 'rowWise') wrong.push(`rows are not shown to be independent: ${rows.why} (${rows.node})`);
  }
  const model = {
    name: 'keras',
    version: '1',
    directory,
    format: 'SavedModel',
    tags: info.tags ?? [],
    signatures,
    judged,
    refused,
  } as const;
  const predictor = loadSavedModel(loadAddon('session') as SessionAddon, model);
  const given = inputs.map((one) => read(folder, one));
  const order = signatures.get('serving_default')?.inputs ?? [];
  const answers = await predictor.predict(
    'serving_default',
    order.map(({ name }) => given.find((one) => one.name === name) ?? missing(name)),
  );
  for (const one of outputs) {
    const [expected, answer] = [read(folder, one), answers.find(({ name }) => name === one.name)];
    const what = answer === undefined ? 'is not there' : difference(expected, answer, bound);
    if (what !== undefined) wrong.push(`${one.name} ${what}`);
  }
  return wrong;
}

const missing = (name: string): never => {
  throw new Error(`Keras has no input ${name}`);
};

function difference(expected: Tensor, answer: Tensor, bound: number): string | undefined {
  if (expected.shape.join() !== answer.shape.join())
    return `has the shape [${answer.shape.join()}], where Keras has [${expected.shape.join()}]`;
  const [a, b] = [expected, answer].map(({ data }) => Array.from(data as ArrayLike<number | bigint>, Number)) as [
    number[],
    number[],
  ];
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  const worst = a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
  return worst / largest <= bound ? undefined : `differs by ${(worst / largest).toExponential(1)} of the largest`;
}
