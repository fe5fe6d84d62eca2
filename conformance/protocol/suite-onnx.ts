/** The suite's models as ONNX, for servers that run those. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BIAS, WEIGHTS } from '../../serving-image/testing/models.ts';
import { writeOnnx } from '../peers/onnx.ts';
import { DATATYPES, inputOf, MODEL, outputOf } from './models.ts';

/** Writes `<model>.onnx` for the models that need nothing of TensorFlow. */
export async function writeSuiteOnnx(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = (model: string) => join(folder, `${model}.onnx`);
  await writeOnnx(path(MODEL.dense), {
    inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 3] }],
    outputs: [{ name: 'y', dtype: 'FP32', shape: [-1, 2] }],
    constants: [
      { name: 'w', dtype: 'FP32', shape: [3, 2], data: WEIGHTS },
      { name: 'b', dtype: 'FP32', shape: [2], data: BIAS },
    ],
    nodes: [{ op: 'Gemm', inputs: ['x', 'w', 'b'], output: 'y' }],
  });
  await writeOnnx(path(MODEL.types), {
    inputs: DATATYPES.map((dtype) => ({ name: inputOf(dtype), dtype, shape: [-1] })),
    outputs: DATATYPES.map((dtype) => ({ name: outputOf(dtype), dtype, shape: [-1] })),
    nodes: DATATYPES.map((dtype) => ({ op: 'Identity', inputs: [inputOf(dtype)], output: outputOf(dtype) })),
  });
  await writeOnnx(path(MODEL.half), {
    inputs: [{ name: 'x', dtype: 'FP16', shape: [-1] }],
    outputs: [{ name: 'y', dtype: 'FP16', shape: [-1] }],
    nodes: [{ op: 'Identity', inputs: ['x'], output: 'y' }],
  });
  await writeOnnx(path(MODEL.lookup), {
    inputs: [{ name: 'ids', dtype: 'INT64', shape: [-1] }],
    outputs: [{ name: 'rows', dtype: 'FP32', shape: [-1, 2] }],
    constants: [
      { name: 'table', dtype: 'FP32', shape: [4, 2], data: Float32Array.from([0, 1, 10, 11, 20, 21, 30, 31]) },
    ],
    nodes: [{ op: 'Gather', inputs: ['table', 'ids'], output: 'rows' }],
  });
}
