/**
 * What each operation does with the rows of a request: the rule that tells where they lie in its outputs. Sorted by hand.
 * An operation that stands nowhere here fails `npm run generate`. `mixing`: its outputs for one row depend on the others,
 * or on nothing in the request at all. `unknown`: it may be independent, but no rule says when.
 */
export const ROWS = {
  same: `CheckNumerics CheckNumericsV2 DeepCopy EnsureShape GuaranteeConst Identity PlaceholderWithDefault
    PreventGradient ReadVariableOp RefIdentity Snapshot StopGradient ToBool`,
  sameEach: `IdentityN`,
  cast: `Cast`,
  mapped: `Abs Acos Acosh Angle AsString Asin Asinh Atan Atanh BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1
    BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Bucketize Ceil ComplexAbs Conj Cos Cosh Dawsn DecodeBase64
    Digamma Elu EncodeBase64 Erf Erfc Erfinv Exp Expint Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars Floor
    FresnelCos FresnelSin Imag Inv Invert IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p LogicalNot Ndtri Neg
    PopulationCount Real Reciprocal RegexFullMatch RegexReplace Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh
    Softplus Softsign Spence Sqrt Square StaticRegexFullMatch StaticRegexReplace StringLength StringLower StringStrip
    StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Tan Tanh
    UnicodeScript UnicodeTranscode`,
  zerosLike: `OnesLike ZerosLike`,
  broadcast: `Add AddN AddV2 AccumulateNV2 ApproximateEqual Atan2 Betainc BitwiseAnd BitwiseOr BitwiseXor ClipByValue
    Complex Div DivNoNan EluGrad Equal FloorDiv FloorMod Greater GreaterEqual Igamma IgammaGradA Igammac InvGrad
    LeakyReluGrad LeftShift Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod Mul MulNoNan NextAfter NotEqual
    Polygamma Pow RealDiv ReciprocalGrad Relu6Grad ReluGrad RightShift RsqrtGrad SeluGrad SigmoidGrad SoftplusGrad
    SoftsignGrad SqrtGrad SquaredDifference StringJoin Sub Substr TanhGrad TruncateDiv TruncateMod Xdivy Xlog1py
    Xlogy Zeta`,
  select: `Select SelectV2`,
  bias: `BiasAdd BiasAddV1`,
  reduce: `All Any EuclideanNorm Max Mean Min Prod ReduceJoin Sum`,
  argument: `ArgMax ArgMin`,
  within: `Cumprod Cumsum CumulativeLogsumexp ReverseV2 Roll`,
  innermost: `FFT IFFT LogSoftmax Softmax`,
  innermostResized: `IRFFT MatrixDiag RFFT`,
  innermostTwo: `BatchMatrixBandPart Cholesky FFT2D IFFT2D MatrixBandPart MatrixExponential MatrixInverse
    MatrixLogarithm MatrixSquareRoot`,
  innermostTwoResized: `LogMatrixDeterminant Lu MatrixDeterminant MatrixDiagPart Qr SelfAdjointEigV2 Svd`,
  largest: `TopK TopKV2`,
  matmul: `BatchMatMul BatchMatMulV2 BatchMatMulV3 MatMul _FusedMatMul`,
  einsum: `Einsum`,
  convolution: `Conv2D Conv3D DepthwiseConv2dNative Dilation2D _FusedConv2D _FusedDepthwiseConv2dNative`,
  convolutionBackwards: `Conv2DBackpropInput Conv3DBackpropInputV2`,
  pool: `AvgPool AvgPool3D MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax`,
  batchNorm: `FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3`,
  resize: `ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor`,
  perImage: `AdjustContrastv2 AdjustHue AdjustSaturation BatchNormWithGlobalNormalization HSVToRGB LRN RGBToHSV`,
  reshapedImages: `DepthToSpace ExtractImagePatches SpaceToDepth`,
  reshape: `Reshape`,
  transpose: `ConjugateTranspose Transpose`,
  expandDims: `ExpandDims`,
  squeeze: `Squeeze`,
  shape: `Shape ShapeN VariableShape`,
  rank: `Rank`,
  count: `Size`,
  fill: `Fill`,
  broadcastTo: `BroadcastTo`,
  tile: `Tile`,
  concat: `Concat ConcatV2`,
  pack: `Pack`,
  unpack: `Unpack`,
  split: `Split SplitV`,
  slice: `Slice`,
  stridedSlice: `StridedSlice`,
  pad: `MirrorPad Pad PadV2`,
  oneHot: `OneHot`,
  range: `Range`,
  gather: `Gather GatherV2 ResourceGather`,
  gatherNd: `GatherNd ResourceGatherNd`,
  lookup: `LookupTableFind LookupTableFindV2`,
  newList: `EmptyTensorList TensorListReserve`,
  listFromTensor: `TensorListFromTensor`,
  listElement: `TensorListGetItem`,
  setElement: `TensorListSetItem`,
  pushElement: `TensorListPushBack`,
  popElement: `TensorListPopBack`,
  stackList: `TensorListStack`,
  listLength: `TensorListLength`,
  parseExample: `ParseExample ParseExampleV2`,
  constant: `Const HashTable HashTableV2 HostConst MutableDenseHashTable MutableDenseHashTableV2 MutableHashTable
    MutableHashTableOfTensors MutableHashTableOfTensorsV2 MutableHashTableV2 VarHandleOp VarIsInitializedOp Variable VariableV2`,
  nothing: `Assert ControlTrigger NoOp`,
  call: `PartitionedCall StatefulPartitionedCall`,
  branch: `Case If StatelessCase StatelessIf`,
  loop: `StatelessWhile While`,
  switched: `RefSwitch Switch`,
  merge: `Merge RefMerge`,
  mixing: `Bincount BiasAddGrad CountUpTo DenseBincount DenseCountSparseOutput DynamicPartition DynamicStitch
    FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 HistogramFixedWidth InvertPermutation L2Loss ListDiff
    Multinomial NonDeterministicInts NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4
    NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps ParallelDynamicStitch ParameterizedTruncatedNormal RaggedBincount
    RandomCrop RandomGamma RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal
    RandomUniform RandomUniformInt ResourceCountUpTo RngReadAndSkip RngSkip SparseBincount StatefulRandomBinomial
    StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt
    StatefulUniformInt StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial
    StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson
    StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal
    StatelessTruncatedNormalV2 Timestamp TruncatedNormal Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Where`,
} as const;

export type RowRule = keyof typeof ROWS | 'unknown';
