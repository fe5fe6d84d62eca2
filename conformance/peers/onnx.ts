/** Writes ONNX models, for the servers that run those. Fields are those of onnx.proto. */
import { writeFile } from 'node:fs/promises';
import type { DataType } from '../../serving-image/src/model/types.ts';
import { encode, type Message } from '@modeldeployment/modelpack';

export interface OnnxTensor {
  name: string;
  dtype: DataType;
  /** -1 is any size. */
  shape: readonly number[];
}
export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  output: string;
}
export interface OnnxConstant extends OnnxTensor {
  data: ArrayBufferView;
}

/** TensorProto.DataType. */
const TYPE: Readonly<Partial<Record<DataType, number>>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
};

const valueInfo = ({ name, dtype, shape }: OnnxTensor): Message => ({
  1: name,
  2: {
    1: {
      1: TYPE[dtype] ?? 0,
      2: { 1: shape.map((size, i): Message => (size < 0 ? { 2: `n${i}` } : { 1: size })) },
    },
  },
});

export async function writeOnnx(
  path: string,
  graph: {
    inputs: readonly OnnxTensor[];
    outputs: readonly OnnxTensor[];
    nodes: readonly OnnxNode[];
    constants?: readonly OnnxConstant[];
  },
): Promise<void> {
  const { inputs, outputs, nodes, constants = [] } = graph;
  const model: Message = {
    1: 8,
    7: {
      1: nodes.map(({ op, inputs: from, output }): Message => ({ 1: [...from], 2: output, 3: output, 4: op })),
      2: 'graph',
      5: constants.map(({ name, dtype, shape, data }): Message => ({
        1: [...shape],
        2: TYPE[dtype] ?? 0,
        8: name,
        9: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      11: inputs.map(valueInfo),
      12: outputs.map(valueInfo),
    },
    8: { 1: '', 2: 17 },
  };
  await writeFile(path, encode(model));
}
