/** The nodes of a graph, or of a function, while they are made. */
import { attribute, type GraphType, type NodeDef } from '../graph-writer.ts';
import type { Message } from '../proto-writer.ts';
import type { Tensor } from './tensor.ts';

/** Every operation that a converted model may have, and the names of its outputs. All of them compute and nothing else. */
const OUTPUTS = {
  Abs: 'y',
  AddV2: 'z',
  All: 'output',
  Any: 'output',
  ArgMax: 'output',
  AvgPool: 'output',
  AvgPool3D: 'output',
  BatchMatMulV2: 'output',
  BiasAdd: 'output',
  Bucketize: 'output',
  Cast: 'y',
  ConcatV2: 'output',
  Const: 'output',
  Conv2D: 'output',
  Conv2DBackpropInput: 'output',
  Conv3D: 'output',
  Conv3DBackpropInputV2: 'output',
  DepthToSpace: 'output',
  DepthwiseConv2dNative: 'output',
  Einsum: 'output',
  Elu: 'activations',
  Equal: 'z',
  Erf: 'y',
  Exp: 'y',
  ExpandDims: 'output',
  Fill: 'output',
  Floor: 'y',
  GatherV2: 'output',
  Greater: 'z',
  GreaterEqual: 'z',
  Identity: 'output',
  LeakyRelu: 'activations',
  Less: 'z',
  Log: 'y',
  Log1p: 'y',
  LogSoftmax: 'logsoftmax',
  LogicalAnd: 'z',
  LogicalNot: 'y',
  LogicalOr: 'z',
  MatMul: 'product',
  Max: 'output',
  MaxPool: 'output',
  MaxPool3D: 'output',
  Maximum: 'z',
  Mean: 'output',
  Min: 'output',
  Minimum: 'z',
  MirrorPad: 'output',
  Mul: 'z',
  Neg: 'y',
  NotEqual: 'z',
  OneHot: 'output',
  Pack: 'output',
  PadV2: 'output',
  Placeholder: 'output',
  Pow: 'z',
  Prod: 'output',
  Range: 'output',
  RealDiv: 'z',
  Relu: 'activations',
  Relu6: 'activations',
  Reshape: 'output',
  ResizeArea: 'resized_images',
  ResizeBicubic: 'resized_images',
  ResizeBilinear: 'resized_images',
  ResizeNearestNeighbor: 'resized_images',
  ReverseV2: 'output',
  Rsqrt: 'y',
  SelectV2: 'output',
  Selu: 'activations',
  Shape: 'output',
  Sigmoid: 'y',
  Sign: 'y',
  Softmax: 'softmax',
  Softplus: 'activations',
  Softsign: 'activations',
  Split: 'output',
  Sqrt: 'y',
  Square: 'y',
  SquaredDifference: 'z',
  Squeeze: 'output',
  StatelessWhile: 'output',
  StridedSlice: 'output',
  Sub: 'z',
  Sum: 'output',
  Tan: 'y',
  Tanh: 'y',
  TensorListFromTensor: 'output_handle',
  TensorListGetItem: 'item',
  TensorListReserve: 'handle',
  TensorListSetItem: 'output_handle',
  TensorListStack: 'tensor',
  Tile: 'output',
  Transpose: 'y',
} as const;
export type Operation = keyof typeof OUTPUTS;

export interface Result {
  dtype: GraphType;
  shape: readonly number[];
}

export class Scope {
  readonly nodes: NodeDef[] = [];
  readonly #taken = new Set<string>();
  readonly #constants = new Map<string, Tensor>();
  #prefix = '';

  constructor(private readonly ofFunction = false) {}

  /** Nodes made meanwhile are named after a layer. */
  within<T>(layer: readonly string[], make: () => T): T {
    const before = this.#prefix;
    this.#prefix = `${layer.map(nodeName).join('/')}/`;
    try {
      return make();
    } finally {
      this.#prefix = before;
    }
  }

  /** A name that no other node has. */
  free(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }

  parameter(name: string, { dtype, shape }: Result): Tensor {
    return { ref: this.free(name), dtype, shape };
  }

  emit(op: Operation, inputs: readonly Tensor[], attributes: Record<string, Message>, result: Result): Tensor {
    const [only] = this.emitAll(op, inputs, attributes, [result]);
    if (only === undefined) throw new Error(`${op} has no output`);
    return only;
  }

  emitAll(
    op: Operation,
    inputs: readonly Tensor[],
    attributes: Record<string, Message>,
    results: readonly Result[],
  ): Tensor[] {
    const name = this.free(this.#prefix + op);
    this.nodes.push({ name, op, input: inputs.map(({ ref }) => ref), attributes });
    return results.map((result, i) => ({ ...result, ref: this.#reference(name, op, i) }));
  }

  #reference(name: string, op: Operation, index: number): string {
    if (this.ofFunction) return `${name}:${OUTPUTS[op]}:${index}`;
    return index === 0 ? name : `${name}:${index}`;
  }

  /** A small constant; the same value is written once. */
  constant(dtype: GraphType, shape: readonly number[], content: ArrayBufferView): Tensor {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const key = `${dtype} ${shape.join()} ${bytes.toString('base64')}`;
    const before = this.#constants.get(key);
    if (before !== undefined) return before;
    const attributes = { dtype: attribute.type(dtype), value: attribute.tensor(dtype, shape, bytes) };
    const made = this.emit('Const', [], attributes, { dtype, shape });
    this.#constants.set(key, made);
    return made;
  }
}

/** Names of nodes are ASCII letters, digits and a few signs; the first is a letter, digit or dot. */
export const nodeName = (name: string): string =>
  name.replace(/[^A-Za-z0-9_.-]/g, '_').replace(/^[^A-Za-z0-9.]/, (first) => `x${first}`) || 'x';
