/** Writes small SavedModels without TensorFlow, so that tests can have one for each case. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataType, Signature, TensorSpec } from '../src/model/types.ts';
import { encode, type Message } from './protobuf.ts';

const TYPE: Record<DataType, number> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

const shapeOf = (shape: readonly number[]): Message => ({ 2: shape.map((size): Message => ({ 1: size })) });
const entries = (map: Record<string, Message>): Message[] =>
  Object.entries(map).map(([key, value]) => ({ 1: key, 2: value }));

export const attribute = {
  type: (dtype: DataType): Message => ({ 6: TYPE[dtype] }),
  shape: (shape: readonly number[]): Message => ({ 7: shapeOf(shape) }),
  flag: (value: boolean): Message => ({ 5: value }),
  name: (value: string): Message => ({ 2: value }),
  count: (value: number): Message => ({ 3: value }),
  types: (dtypes: readonly DataType[]): Message => ({ 1: { 6: dtypes.map((dtype) => TYPE[dtype]) } }),
  shapes: (shapes: readonly (readonly number[])[]): Message => ({ 1: { 7: shapes.map(shapeOf) } }),
  tensor: (dtype: DataType, shape: readonly number[], content: ArrayBufferView): Message => ({
    8: { 1: TYPE[dtype], 2: shapeOf(shape), 4: new Uint8Array(content.buffer, content.byteOffset, content.byteLength) },
  }),
  text: (value: string): Message => ({ 8: { 1: TYPE.BYTES, 2: shapeOf([]), 8: [value] } }),
};

export interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attributes?: Record<string, Message>;
}

export const placeholder = ({ name, dtype, shape }: TensorSpec): GraphNode => ({
  name,
  op: 'Placeholder',
  attributes: { dtype: attribute.type(dtype), shape: attribute.shape(shape) },
});

export const constant = (
  name: string,
  dtype: DataType,
  shape: readonly number[],
  content: ArrayBufferView,
): GraphNode => ({
  name,
  op: 'Const',
  attributes: { dtype: attribute.type(dtype), value: attribute.tensor(dtype, shape, content) },
});

/** What TensorFlow runs on its own when it loads the model, and the files whose paths it gives to tensors for it. */
interface Extra {
  assets?: readonly { tensor: string; file: string }[];
  initialiser?: string;
}

/** Inputs and outputs are nodes of the same name. */
export async function writeSavedModel(
  folder: string,
  nodes: readonly GraphNode[],
  { inputs, outputs, method = 'tensorflow/serving/predict' }: Signature,
  { assets = [], initialiser }: Extra = {},
): Promise<void> {
  const info = (specs: TensorSpec[]) =>
    entries(
      Object.fromEntries(
        specs.map(({ name, dtype, shape }) => [name, { 1: `${name}:0`, 2: TYPE[dtype], 3: shapeOf(shape) }]),
      ),
    );
  const graph: Message = {
    1: nodes.map(({ name, op, input = [], attributes = {} }): Message => ({
      1: name,
      2: op,
      3: input,
      5: entries(attributes),
    })),
    4: { 1: 1286 },
  };
  const signatures = entries({
    serving_default: { 1: info(inputs), 2: info(outputs), 3: method },
  });
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'saved_model.pb'),
    encode({
      1: 1,
      2: {
        1: { 4: ['serve'] },
        2: graph,
        4: initialiser === undefined ? [] : { 1: 'saved_model_main_op', 2: { 1: { 1: initialiser } } },
        5: signatures,
        6: assets.map(({ tensor, file }): Message => ({ 1: { 1: tensor }, 2: file })),
      },
    }),
  );
}
