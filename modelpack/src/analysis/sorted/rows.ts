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
  unknown: `AccumulatorApplyGradient AccumulatorNumAccumulated AccumulatorSetGlobalStep AccumulatorTakeGradient
    AddManySparseToTensorsMap AddSparseToTensorsMap AdjustContrast AnonymousHashTable AnonymousMutableDenseHashTable
    AnonymousMutableHashTable AnonymousMutableHashTableOfTensors ApplyAdaMax ApplyAdadelta ApplyAdagrad
    ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign ApplyCenteredRMSProp ApplyFtrl ApplyFtrlV2
    ApplyGradientDescent ApplyMomentum ApplyPowerSign ApplyProximalAdagrad ApplyProximalGradientDescent ApplyRMSProp
    ApproxTopK Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp AudioSpectrogram
    AudioSummary AudioSummaryV2 AvgPool3DGrad AvgPoolGrad BandedTriangularSolve Barrier BarrierClose
    BarrierIncompleteSize BarrierInsertMany BarrierReadySize BarrierTakeMany Batch BatchCholesky BatchCholeskyGrad
    BatchFFT BatchFFT2D BatchFFT3D BatchFunction BatchIFFT BatchIFFT2D BatchIFFT3D BatchMatrixDeterminant
    BatchMatrixDiag BatchMatrixDiagPart BatchMatrixInverse BatchMatrixSetDiag BatchMatrixSolve BatchMatrixSolveLs
    BatchMatrixTriangularSolve BatchNormWithGlobalNormalizationGrad BatchSelfAdjointEig BatchSelfAdjointEigV2
    BatchSvd BatchToSpace BatchToSpaceND Bitcast BlockLSTM BlockLSTMGrad BlockLSTMGradV2 BlockLSTMV2
    BoostedTreesAggregateStats BoostedTreesBucketize BoostedTreesCalculateBestFeatureSplit
    BoostedTreesCalculateBestFeatureSplitV2 BoostedTreesCalculateBestGainsPerFeature BoostedTreesCenterBias
    BoostedTreesCreateEnsemble BoostedTreesCreateQuantileStreamResource BoostedTreesDeserializeEnsemble
    BoostedTreesEnsembleResourceHandleOp BoostedTreesExampleDebugOutputs BoostedTreesFlushQuantileSummaries
    BoostedTreesGetEnsembleStates BoostedTreesMakeQuantileSummaries BoostedTreesMakeStatsSummary BoostedTreesPredict
    BoostedTreesQuantileStreamResourceAddSummaries BoostedTreesQuantileStreamResourceDeserialize
    BoostedTreesQuantileStreamResourceFlush BoostedTreesQuantileStreamResourceGetBucketBoundaries
    BoostedTreesQuantileStreamResourceHandleOp BoostedTreesSerializeEnsemble BoostedTreesSparseAggregateStats
    BoostedTreesSparseCalculateBestFeatureSplit BoostedTreesTrainingPredict BoostedTreesUpdateEnsemble
    BoostedTreesUpdateEnsembleV2 BroadcastArgs BroadcastGradientArgs CTCBeamSearchDecoder CTCGreedyDecoder CTCLoss
    CTCLossV2 CholeskyGrad CombinedNonMaxSuppression CompositeTensorVariantFromComponents
    CompositeTensorVariantToComponents ConcatOffset ConditionalAccumulator ConsumeMutexLock Conv
    Conv2DBackpropFilter Conv2DBackpropFilterV2 Conv2DBackpropInputV2 Conv3DBackpropFilter Conv3DBackpropFilterV2
    Conv3DBackpropInput CropAndResize CropAndResizeGradBoxes CropAndResizeGradImage Cross CudnnRNN CudnnRNNBackprop
    CudnnRNNBackpropV2 CudnnRNNBackpropV3 CudnnRNNCanonicalToParams CudnnRNNCanonicalToParamsV2 CudnnRNNParamsSize
    CudnnRNNParamsToCanonical CudnnRNNParamsToCanonicalV2 CudnnRNNV2 CudnnRNNV3 DataFormatDimMap
    DataFormatVecPermute DebugGradientIdentity DebugGradientRefIdentity DecodeAndCropJpeg DecodeBmp DecodeCSV
    DecodeCompressed DecodeGif DecodeImage DecodeJSONExample DecodeJpeg DecodeJxl DecodePaddedRaw DecodePng
    DecodeProtoV2 DecodeRaw DecodeWav DecodeWebP DeleteSessionTensor DenseToDenseSetOperation
    DenseToSparseSetOperation DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Dequantize
    DeserializeManySparse DeserializeSparse DestroyResourceOp DestroyTemporaryVariable DeviceIndex Diag DiagPart
    Dilation2DBackpropFilter Dilation2DBackpropInput DisableCopyOnRead DrawBoundingBoxes DrawBoundingBoxesV2
    EditDistance Eig Empty EmptyTensorMap EncodeJpeg EncodeJpegVariableQuality EncodePng EncodeProto EncodeWav Enter
    Exit ExtractGlimpse ExtractGlimpseV2 ExtractJpegShape ExtractVolumePatches FFT3D FFTND FIFOQueue FIFOQueueV2
    FakeParam FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel
    FakeQuantWithMinMaxVarsPerChannelGradient FakeQueue Fingerprint For FractionalAvgPool FractionalAvgPoolGrad
    FractionalMaxPool FractionalMaxPoolGrad FusedPadConv2D FusedResizeAndPadConv2D GRUBlockCell GRUBlockCellGrad
    GenerateBoundingBoxProposals GetSessionHandle GetSessionHandleV2 GetSessionTensor HistogramSummary IFFT3D IFFTND
    IRFFT2D IRFFT3D IRFFTND ImageProjectiveTransformV2 ImageProjectiveTransformV3 ImageSummary InTopK InTopKV2
    InitializeTable InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTableV2 InplaceAdd
    InplaceSub InplaceUpdate IsBoostedTreesEnsembleInitialized IsBoostedTreesQuantileStreamResourceInitialized
    IsVariableInitialized IsotonicRegression KMC2ChainInitialization KmeansPlusPlusInitialization LRNGrad
    LSTMBlockCell LSTMBlockCellGrad LinSpace LookupTableExport LookupTableExportV2 LookupTableImport
    LookupTableImportV2 LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2 LookupTableSize LookupTableSizeV2
    LoopCond LowerBound MapClear MapIncompleteSize MapPeek MapSize MapStage MapUnstage MapUnstageNoKey
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3
    MatrixSolve MatrixSolveLs MatrixTriangularSolve MaxPool3DGrad MaxPool3DGradGrad MaxPoolGrad MaxPoolGradGrad
    MaxPoolGradGradV2 MaxPoolGradGradWithArgmax MaxPoolGradV2 MaxPoolGradWithArgmax MergeSummary Mfcc MirrorPadGrad
    MutexLock MutexV2 NearestNeighbors NextIteration NthElement OptionalFromValue OptionalGetValue OptionalHasValue
    OptionalNone OrderedMapClear OrderedMapIncompleteSize OrderedMapPeek OrderedMapSize OrderedMapStage
    OrderedMapUnstage OrderedMapUnstageNoKey PaddingFIFOQueue PaddingFIFOQueueV2 ParallelConcat ParseSequenceExample
    ParseSequenceExampleV2 ParseSingleExample ParseSingleSequenceExample ParseTensor Placeholder PlaceholderV2 Print
    PrintV2 PriorityQueue PriorityQueueV2 QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
    QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad QuantizeDownAndShrinkRange QuantizeV2 QuantizedAdd
    QuantizedAvgPool QuantizedBatchNormWithGlobalNormalization QuantizedBiasAdd QuantizedConcat QuantizedConv2D
    QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize QuantizedConv2DAndRequantize
    QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
    QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize
    QuantizedConv2DWithBiasSignedSumAndReluAndRequantize QuantizedConv2DWithBiasSumAndRelu
    QuantizedConv2DWithBiasSumAndReluAndRequantize QuantizedDepthwiseConv2D QuantizedDepthwiseConv2DWithBias
    QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize
    QuantizedInstanceNorm QuantizedMatMul QuantizedMatMulWithBias QuantizedMatMulWithBiasAndDequantize
    QuantizedMatMulWithBiasAndRelu QuantizedMatMulWithBiasAndReluAndRequantize QuantizedMatMulWithBiasAndRequantize
    QuantizedMaxPool QuantizedMul QuantizedRelu QuantizedRelu6 QuantizedReluX QuantizedReshape
    QuantizedResizeBilinear QueueClose QueueCloseV2 QueueDequeue QueueDequeueMany QueueDequeueManyV2
    QueueDequeueUpTo QueueDequeueUpToV2 QueueDequeueV2 QueueEnqueue QueueEnqueueMany QueueEnqueueManyV2
    QueueEnqueueV2 QueueIsClosed QueueIsClosedV2 QueueSize QueueSizeV2 RFFT2D RFFT3D RFFTND RaggedCountSparseOutput
    RaggedCross RaggedFillEmptyRows RaggedFillEmptyRowsGrad RaggedGather RaggedRange RaggedTensorFromVariant
    RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant RaggedTensorToVariantGradient RandomGammaGrad
    RandomShuffleQueue RandomShuffleQueueV2 RefEnter RefExit RefNextIteration RefSelect RequantizationRange
    RequantizationRangePerChannel Requantize RequantizePerChannel ResizeBicubicGrad ResizeBilinearGrad
    ResizeNearestNeighborGrad ResourceAccumulatorApplyGradient ResourceAccumulatorNumAccumulated
    ResourceAccumulatorSetGlobalStep ResourceAccumulatorTakeGradient ResourceApplyAdaMax ResourceApplyAdadelta
    ResourceApplyAdagrad ResourceApplyAdagradDA ResourceApplyAdagradV2 ResourceApplyAdam
    ResourceApplyAdamWithAmsgrad ResourceApplyAddSign ResourceApplyCenteredRMSProp ResourceApplyFtrl
    ResourceApplyFtrlV2 ResourceApplyGradientDescent ResourceApplyKerasMomentum ResourceApplyMomentum
    ResourceApplyPowerSign ResourceApplyProximalAdagrad ResourceApplyProximalGradientDescent ResourceApplyRMSProp
    ResourceConditionalAccumulator ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin
    ResourceScatterMul ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin ResourceScatterNdSub
    ResourceScatterNdUpdate ResourceScatterSub ResourceScatterUpdate ResourceSparseApplyAdadelta
    ResourceSparseApplyAdagrad ResourceSparseApplyAdagradDA ResourceSparseApplyAdagradV2
    ResourceSparseApplyCenteredRMSProp ResourceSparseApplyFtrl ResourceSparseApplyFtrlV2
    ResourceSparseApplyKerasMomentum ResourceSparseApplyMomentum ResourceSparseApplyProximalAdagrad
    ResourceSparseApplyProximalGradientDescent ResourceSparseApplyRMSProp ResourceStridedSliceAssign Restore
    RestoreSlice RestoreV2 Reverse ReverseSequence SampleDistortedBoundingBox SampleDistortedBoundingBoxV2
    ScalarSummary ScaleAndTranslate ScaleAndTranslateGrad ScatterAdd ScatterDiv ScatterMax ScatterMin ScatterMul
    ScatterNd ScatterNdAdd ScatterNdMax ScatterNdMin ScatterNdNonAliasingAdd ScatterNdSub ScatterNdUpdate ScatterSub
    ScatterUpdate SegmentMax SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum
    SegmentSumV2 SelfAdjointEig SerializeManySparse SerializeSparse SerializeTensor SetSize ShardedFilename
    ShardedFilespec SobolSample SoftmaxCrossEntropyWithLogits SpaceToBatch SpaceToBatchND
    SparseAccumulatorApplyGradient SparseAccumulatorTakeGradient SparseAdd SparseAddGrad SparseApplyAdadelta
    SparseApplyAdagrad SparseApplyAdagradDA SparseApplyAdagradV2 SparseApplyCenteredRMSProp SparseApplyFtrl
    SparseApplyFtrlV2 SparseApplyMomentum SparseApplyProximalAdagrad SparseApplyProximalGradientDescent
    SparseApplyRMSProp SparseConcat SparseConditionalAccumulator SparseCountSparseOutput SparseCross
    SparseCrossHashed SparseCrossV2 SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseFillEmptyRows
    SparseFillEmptyRowsGrad SparseMatMul SparseReduceMax SparseReduceMaxSparse SparseReduceSum SparseReduceSumSparse
    SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanGrad SparseSegmentMeanGradV2
    SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNGrad SparseSegmentSqrtNGradV2
    SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumGrad SparseSegmentSumGradV2
    SparseSegmentSumWithNumSegments SparseSlice SparseSliceGrad SparseSoftmax SparseSoftmaxCrossEntropyWithLogits
    SparseSparseMaximum SparseSparseMinimum SparseSplit SparseTensorDenseAdd SparseTensorDenseMatMul SparseToDense
    SparseToSparseSetOperation Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush StackPushV2 StackV2 Stage
    StageClear StagePeek StageSize StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessSampleDistortedBoundingBox StridedSliceAssign StridedSliceGrad
    StringFormat StringNGrams StringSplit StringSplitV2 SymbolicGradient TakeManySparseFromTensorsMap
    TemporaryVariable TensorArray TensorArrayClose TensorArrayCloseV2 TensorArrayCloseV3 TensorArrayConcat
    TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayGather TensorArrayGatherV2 TensorArrayGatherV3
    TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3 TensorArrayGradWithShape TensorArrayPack TensorArrayRead
    TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatter TensorArrayScatterV2 TensorArrayScatterV3 TensorArraySize
    TensorArraySizeV2 TensorArraySizeV3 TensorArraySplit TensorArraySplitV2 TensorArraySplitV3 TensorArrayUnpack
    TensorArrayV2 TensorArrayV3 TensorArrayWrite TensorArrayWriteV2 TensorArrayWriteV3 TensorListConcat
    TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListGather TensorListPushBackBatch
    TensorListResize TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2 TensorListSplit
    TensorMapErase TensorMapHasKey TensorMapInsert TensorMapLookup TensorMapSize TensorMapStackKeys TensorScatterAdd
    TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate TensorSummary
    TensorSummaryV2 TileGrad TridiagonalMatMul TridiagonalSolve Unbatch UnbatchGrad UnicodeDecode
    UnicodeDecodeWithOffsets UnicodeEncode UniformDequantize UniformQuantize UniformQuantizedAdd
    UniformQuantizedClipByValue UniformQuantizedConvolution UniformQuantizedConvolutionHybrid UniformQuantizedDot
    UniformQuantizedDotHybrid UniformRequantize UnravelIndex UnsortedSegmentJoin UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Unstage UpperBound`,
} as const;

export type RowRule = keyof typeof ROWS;
