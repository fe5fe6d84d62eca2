/** Tensors of TensorFlow.js for the time of a run: made of what was asked, and read for the answer. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type DataType,
  type Predictor,
  type Signature,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../model/types.ts';
import { runError } from './failure.ts';
import { narrowed } from './narrow.ts';
import { RunError } from '../errors.ts';

/** Answers the tensors of the outputs, in the order of the signature. */
export type Run = (signature: Signature, inputs: readonly tf.Tensor[]) => Promise<tf.Tensor[]>;

/** A model whose runs are `run`. */
export function predictor(signatures: ReadonlyMap<string, Signature>, run: Run): Predictor {
  return {
    signatures,
    memory() {
      const { numTensors, numBytes } = tf.memory();
      return { tensors: numTensors, bytes: numBytes };
    },
    async predict(name, inputs) {
      const signature = signatures.get(name);
      if (!signature) throw new Error(`the model has no signature ${name}`);
      return inScope(async () => {
        const outputs = await run(signature, inputs.map(upload));
        return Promise.all(signature.outputs.map((spec, i) => download(at(outputs, i), spec)));
      }).catch((error: unknown) => {
        throw runError(error);
      });
    },
  };
}

/**
 * What a run makes ends with it, also when it fails half-way, and nothing else does: an output may be a weight, one of the inputs, or
 * the same tensor as another output. One run at a time, as the executor has it: the scope is the process's.
 */
async function inScope<T>(run: () => Promise<T>): Promise<T> {
  const engine = tf.engine();
  engine.startScope();
  try {
    return await run();
  } finally {
    engine.endScope();
  }
}

const JS_TYPE: Partial<Record<DataType, 'float32' | 'int32' | 'bool' | 'string'>> = {
  FP16: 'float32',
  BF16: 'float32',
  FP32: 'float32',
  FP64: 'float32',
  BOOL: 'bool',
  BYTES: 'string',
};
const INT32 = { lowest: -2147483648n, highest: 2147483647n };

function upload({ name, dtype, shape, data }: Tensor): tf.Tensor {
  const type = JS_TYPE[dtype] ?? 'int32';
  if (type === 'string') return tf.tensor([...(data as readonly Uint8Array[])], [...shape], type);
  if (type === 'float32') {
    return tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data as Float64Array), [...shape], type);
  }
  return tf.tensor(type === 'bool' ? (data as Uint8Array) : toInt32(name, data), [...shape], type);
}

/** TensorFlow.js knows 32-bit integers only: wider values are refused, never rounded. */
function toInt32(name: string, data: TensorData): Int32Array {
  if (data instanceof Int32Array) return data;
  return Int32Array.from(data as ArrayLike<number | bigint>, (value) => {
    const exact = BigInt(value);
    if (exact < INT32.lowest || exact > INT32.highest) {
      throw new RunError(`input ${name} holds ${exact}, which does not fit the 32-bit integers of TensorFlow.js`);
    }
    return Number(exact);
  });
}

async function download(tensor: tf.Tensor, spec: TensorSpec): Promise<Tensor> {
  const { name } = spec;
  if (tensor.dtype === 'string') {
    const data = await tensor.bytes();
    return { name, dtype: 'BYTES', shape: tensor.shape, data };
  }
  const data = (await tensor.data()) as TensorData;
  const dtype =
    tensor.dtype === 'bool'
      ? 'BOOL'
      : tensor.dtype === 'int32'
        ? spec.dtype.includes('INT')
          ? spec.dtype
          : 'INT32'
        : 'FP32';
  return { name, dtype, shape: tensor.shape, data: narrowed(dtype, data) };
}

export function at(tensors: readonly tf.Tensor[], index: number): tf.Tensor {
  const tensor = tensors[index];
  if (!tensor) throw new RunError(`the model gave ${index} tensors, more were expected`);
  return tensor;
}
