/**
 * A program of its own, bundled as the server is: runs every kernel that tfjs-node registers once, and says as JSON which were run and
 * which failed how. Test code only.
 */
import * as tf from '@tensorflow/tfjs-core';
import { startBackend } from '../src/engines/tensorflow/backend.ts';
import { loadAddon } from '../src/addon.ts';
import type { SessionAddon } from '../src/engines/tensorflow/session.ts';

type Run = [inputs: Record<string, tf.Tensor | tf.Tensor[]>, attributes?: Record<string, unknown>];

/** Values between 0 and 1, as many as the shape needs. */
const numbers = (...shape: number[]): tf.Tensor =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7 + 3) % 11) / 12 + 0.05),
    shape,
  );
const whole = (values: number[], ...shape: number[]) => tf.tensor(values, shape, 'int32');
const truths = () => tf.tensor([1, 0, 1, 1], [2, 2], 'bool');

const each = (names: string, run: () => Run): Record<string, () => Run> =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, run]),
  );

const image = () => numbers(1, 4, 4, 2);
const filter = () => numbers(2, 2, 2, 3);
const volume = () => numbers(1, 4, 4, 4, 2);
const spatial = { strides: [1, 1], pad: 'valid', dilations: [1, 1], dataFormat: 'NHWC', dimRoundingMode: undefined };
const pool = { filterSize: [2, 2], strides: [1, 1], pad: 'valid' };
const pool3d = { filterSize: [2, 2, 2], strides: [1, 1, 1], pad: 'valid', dataFormat: 'NDHWC' };
const conv3d = { strides: [1, 1, 1], pad: 'valid', dilations: [1, 1, 1] };
const boxes = () => ({
  boxes: tf.tensor([
    [0, 0, 1, 1],
    [0, 0, 0.9, 1],
    [0.5, 0.5, 1, 1],
  ]),
  scores: tf.tensor([0.9, 0.8, 0.7]),
});
const suppression = { maxOutputSize: 2, iouThreshold: 0.5, scoreThreshold: 0 };
const waves = () => tf.complex(numbers(2, 4), numbers(2, 4));

const RUNS: Record<string, () => Run> = {
  ...each(
    `Abs Acos Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Exp Expm1 Floor Identity IsFinite IsInf IsNan Log Log1p Neg OnesLike
     Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Sqrt Square Step Tan Tanh ZerosLike`,
    () => [{ x: numbers(2, 3) }, { alpha: 0 }],
  ),
  Acosh: () => [{ x: tf.tensor([1, 2, 3]) }],
  ...each(
    `Add Atan2 Equal FloorDiv Greater GreaterEqual Less LessEqual Maximum Minimum Mod Multiply NotEqual Pow RealDiv
     SquaredDifference Sub`,
    () => [{ a: numbers(2, 3), b: numbers(3) }],
  ),
  ...each('LogicalAnd LogicalOr', () => [{ a: truths(), b: truths() }]),
  LogicalNot: () => [{ x: truths() }],
  ...each('Max Mean Min Prod Sum', () => [{ x: numbers(2, 3) }, { axis: [1], reductionIndices: [1], keepDims: false }]),
  ...each('All Any', () => [{ x: truths() }, { axis: [1], keepDims: false }]),
  ...each('ArgMax ArgMin', () => [{ x: numbers(2, 3) }, { axis: 1 }]),
  ...each('Cumsum Cumprod', () => [{ x: numbers(2, 3) }, { axis: 1, exclusive: false, reverse: false }]),
  AddN: () => [[numbers(2), numbers(2)] as unknown as Run[0]],
  AvgPool: () => [{ x: image() }, pool],
  AvgPoolGrad: () => [{ dy: numbers(1, 3, 3, 2), input: image() }, pool],
  MaxPool: () => [{ x: image() }, pool],
  MaxPoolGrad: () => [{ dy: numbers(1, 3, 3, 2), input: image(), output: numbers(1, 3, 3, 2) }, pool],
  AvgPool3D: () => [{ x: volume() }, pool3d],
  AvgPool3DGrad: () => [{ dy: numbers(1, 3, 3, 3, 2), input: volume() }, pool3d],
  MaxPool3D: () => [{ x: volume() }, pool3d],
  MaxPool3DGrad: () => [{ dy: numbers(1, 3, 3, 3, 2), input: volume(), output: numbers(1, 3, 3, 3, 2) }, pool3d],
  BatchMatMul: () => [
    { a: numbers(2, 2, 3), b: numbers(2, 3, 2) },
    { transposeA: false, transposeB: false },
  ],
  _FusedMatMul: () => [
    { a: numbers(1, 2, 3), b: numbers(1, 3, 2), bias: numbers(2), preluActivationWeights: numbers(2) },
    { transposeA: false, transposeB: false, activation: 'prelu' },
  ],
  BatchToSpaceND: () => [
    { x: numbers(4, 1, 1, 1) },
    {
      blockShape: [2, 2],
      crops: [
        [0, 0],
        [0, 0],
      ],
    },
  ],
  SpaceToBatchND: () => [
    { x: numbers(1, 2, 2, 1) },
    {
      blockShape: [2, 2],
      paddings: [
        [0, 0],
        [0, 0],
      ],
    },
  ],
  Bincount: () => [{ x: whole([0, 1, 1], 3), weights: numbers(3) }, { size: 3 }],
  BroadcastArgs: () => [{ s0: whole([2, 1], 2), s1: whole([1, 3], 2) }],
  Cast: () => [{ x: numbers(2) }, { dtype: 'int32' }],
  ClipByValue: () => [{ x: numbers(2) }, { clipValueMin: 0.1, clipValueMax: 0.2 }],
  Complex: () => [{ real: numbers(2), imag: numbers(2) }],
  ...each('Real Imag FFT IFFT', () => [{ input: waves() }]),
  ComplexAbs: () => [{ x: waves() }],
  Concat: () => [[numbers(1, 2), numbers(1, 2)] as unknown as Run[0], { axis: 0 }],
  Conv2D: () => [{ x: image(), filter: filter() }, spatial],
  Conv2DBackpropFilter: () => [
    { x: image(), dy: numbers(1, 3, 3, 3) },
    { ...spatial, filterShape: [2, 2, 2, 3] },
  ],
  Conv2DBackpropInput: () => [
    { dy: numbers(1, 3, 3, 3), filter: filter() },
    { ...spatial, inputShape: [1, 4, 4, 2] },
  ],
  FusedConv2D: () => [
    { x: image(), filter: filter(), bias: numbers(3), preluActivationWeights: numbers(3) },
    { ...spatial, activation: 'prelu' },
  ],
  DepthwiseConv2dNative: () => [{ x: image(), filter: filter() }, spatial],
  DepthwiseConv2dNativeBackpropFilter: () => [
    { x: image(), dy: numbers(1, 3, 3, 6) },
    { ...spatial, filterShape: [2, 2, 2, 3] },
  ],
  DepthwiseConv2dNativeBackpropInput: () => [
    { dy: numbers(1, 3, 3, 6), filter: filter() },
    { ...spatial, inputShape: [1, 4, 4, 2] },
  ],
  FusedDepthwiseConv2D: () => [
    { x: image(), filter: filter(), bias: numbers(6), preluActivationWeights: numbers(6) },
    { ...spatial, activation: 'prelu' },
  ],
  Conv3D: () => [{ x: volume(), filter: numbers(2, 2, 2, 2, 3) }, conv3d],
  Conv3DBackpropFilterV2: () => [
    { x: volume(), dy: numbers(1, 3, 3, 3, 3) },
    { ...conv3d, filterShape: [2, 2, 2, 2, 3] },
  ],
  Conv3DBackpropInputV2: () => [
    { dy: numbers(1, 3, 3, 3, 3), filter: numbers(2, 2, 2, 2, 3) },
    { ...conv3d, inputShape: [1, 4, 4, 4, 2] },
  ],
  CropAndResize: () => [
    { image: image(), boxes: tf.tensor([[0, 0, 1, 1]]), boxInd: whole([0], 1) },
    { cropSize: [2, 2], method: 'bilinear', extrapolationValue: 0 },
  ],
  DepthToSpace: () => [{ x: numbers(1, 2, 2, 4) }, { blockSize: 2, dataFormat: 'NHWC' }],
  Diag: () => [{ x: numbers(3) }],
  Dilation2D: () => [{ x: image(), filter: numbers(2, 2, 2) }, spatial],
  Dilation2DBackpropFilter: () => [{ x: image(), filter: numbers(2, 2, 2), dy: numbers(1, 3, 3, 2) }, spatial],
  Dilation2DBackpropInput: () => [{ x: image(), filter: numbers(2, 2, 2), dy: numbers(1, 3, 3, 2) }, spatial],
  Einsum: () => [[numbers(2, 3), numbers(3, 2)] as unknown as Run[0], { equation: 'ij,jk->ik' }],
  EluGrad: () => [{ dy: numbers(3), y: numbers(3) }],
  ExpandDims: () => [{ input: numbers(3) }, { dim: 0 }],
  Fill: () => [{}, { shape: [2], value: 3, dtype: 'float32' }],
  FlipLeftRight: () => [{ image: image() }],
  FusedBatchNorm: () => [
    { x: image(), mean: numbers(2), variance: numbers(2), scale: numbers(2), offset: numbers(2) },
    { varianceEpsilon: 1e-3 },
  ],
  GatherNd: () => [{ params: numbers(2, 3), indices: whole([0, 1], 1, 2) }],
  GatherV2: () => [
    { x: numbers(2, 3), indices: whole([1], 1) },
    { axis: 0, batchDims: 0 },
  ],
  LRN: () => [{ x: image() }, { depthRadius: 1, bias: 1, alpha: 1, beta: 0.5 }],
  LRNGrad: () => [
    { x: image(), y: image(), dy: image() },
    { depthRadius: 1, bias: 1, alpha: 1, beta: 0.5 },
  ],
  LeakyRelu: () => [{ x: numbers(3) }, { alpha: 0.1 }],
  LinSpace: () => [{}, { start: 0, stop: 1, num: 3 }],
  MirrorPad: () => [
    { x: numbers(2, 2) },
    {
      paddings: [
        [1, 1],
        [1, 1],
      ],
      mode: 'reflect',
    },
  ],
  PadV2: () => [
    { x: numbers(2, 2) },
    {
      paddings: [
        [1, 1],
        [1, 1],
      ],
      constantValue: 0,
    },
  ],
  Multinomial: () => [{ logits: numbers(1, 3) }, { numSamples: 2, seed: 1, normalized: false }],
  ...each('NonMaxSuppressionV3', () => [boxes(), suppression]),
  NonMaxSuppressionV4: () => [boxes(), { ...suppression, padToMaxOutputSize: true }],
  NonMaxSuppressionV5: () => [boxes(), { ...suppression, softNmsSigma: 0.5 }],
  OneHot: () => [{ indices: whole([0, 1], 2) }, { depth: 3, onValue: 1, offValue: 0, dtype: 'float32' }],
  Pack: () => [[numbers(2), numbers(2)] as unknown as Run[0], { axis: 0 }],
  Unpack: () => [{ value: numbers(2, 2) }, { axis: 0 }],
  Prelu: () => [{ x: numbers(2, 3), alpha: numbers(3) }],
  Range: () => [{}, { start: 0, stop: 3, step: 1, dtype: 'float32' }],
  Reshape: () => [{ x: numbers(2, 3) }, { shape: [3, 2] }],
  ...each('ResizeBilinear ResizeNearestNeighbor', () => [
    { images: image() },
    { size: [2, 2], alignCorners: false, halfPixelCenters: true },
  ]),
  ...each('ResizeBilinearGrad ResizeNearestNeighborGrad', () => [
    { images: image(), dy: numbers(1, 2, 2, 2) },
    { alignCorners: false },
  ]),
  Reverse: () => [{ x: numbers(2, 3) }, { dims: [1] }],
  ScatterNd: () => [{ indices: whole([0, 2], 2, 1), updates: numbers(2) }, { shape: [3] }],
  Select: () => [{ condition: truths(), t: numbers(2, 2), e: numbers(2, 2) }],
  Slice: () => [{ x: numbers(2, 3) }, { begin: [0, 1], size: [2, 1] }],
  Softmax: () => [{ logits: numbers(2, 3) }, { dim: 1 }],
  SparseToDense: () => [
    { sparseIndices: whole([0, 2], 2), sparseValues: numbers(2), defaultValue: tf.scalar(0) },
    { outputShape: [3] },
  ],
  SplitV: () => [{ x: numbers(2, 4) }, { numOrSizeSplits: [2, 2], axis: 1 }],
  StaticRegexReplace: () => [
    { x: tf.tensor(['ab'], [1], 'string') },
    { pattern: 'a', rewrite: 'b', replaceGlobal: true },
  ],
  StridedSlice: () => [
    { x: numbers(2, 3) },
    {
      ...{ begin: [0, 0], end: [2, 3], strides: [1, 2], beginMask: 0, endMask: 0 },
      ...{ ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 },
    },
  ],
  TensorScatterUpdate: () => [{ tensor: numbers(3), indices: whole([1], 1, 1), updates: numbers(1) }],
  Tile: () => [{ x: numbers(2) }, { reps: [2] }],
  TopK: () => [{ x: numbers(2, 3) }, { k: 2, sorted: true }],
  Transpose: () => [{ x: numbers(2, 3) }, { perm: [1, 0] }],
  Unique: () => [{ x: numbers(4) }, { axis: 0 }],
  UnsortedSegmentSum: () => [{ x: numbers(3, 2), segmentIds: whole([0, 1, 0], 3) }, { numSegments: 2 }],
};

const addons = { binding: loadAddon('tfjs_binding'), session: loadAddon('session') as SessionAddon };
await startBackend(addons.binding as Parameters<typeof startBackend>[0], addons.session);
const registered = tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName);
const failed: Record<string, string> = {};
for (const name of registered) {
  const run = RUNS[name];
  try {
    if (!run) throw new Error('nothing runs it here');
    const [inputs, attributes = {}] = run();
    const output = tf.engine().runKernel(name, inputs as unknown as tf.NamedTensorMap, attributes as tf.NamedAttrMap);
    for (const one of Array.isArray(output) ? output : [output]) await one.data();
  } catch (error) {
    failed[name] = String(error);
  }
}
process.stdout.write(`${JSON.stringify({ registered, failed })}\n`);
