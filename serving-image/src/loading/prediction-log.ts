/**
 * The requests of TensorFlow Serving's `assets.extra/tf_serving_warmup_requests`: a TFRecord file of PredictionLog messages.
 * Pure.
 */
import protobuf from 'protobufjs';
import { maskedCrc32c } from '@modeldeployment/modelpack/crc32c';
import { fromBfloat, fromHalf } from '@modeldeployment/modelpack/half';
import { enumNumbers } from '../protocol/proto/schema.ts';
import { TF_TYPE } from '../protocol/v1/metadata.ts';
import { readBinary } from '../protocol/v2/binary.ts';
import { sizeOf, type DataType, type Tensor, type TensorData } from '../model/types.ts';

/**
 * The parts of prediction_log.proto, predict.proto, classification.proto, regression.proto, inference.proto, input.proto,
 * model.proto and tensor.proto that say what to run. Field numbers are theirs; Examples stay bytes, which is how a model
 * takes them.
 */
const PROTO = `
syntax = "proto3";
message PredictionLog {
  oneof log_type {
    ExamplesLog classify_log = 2; ExamplesLog regress_log = 3; MultiInferenceLog multi_inference_log = 4;
    SessionRunLog session_run_log = 5; PredictLog predict_log = 6;
  }
}
message PredictLog { PredictRequest request = 1; }
message PredictRequest { ModelSpec model_spec = 1; map<string, TensorProto> inputs = 2; }
message ExamplesLog { ExamplesRequest request = 1; }
message ExamplesRequest { ModelSpec model_spec = 1; Input input = 2; }
message MultiInferenceLog { MultiInferenceRequest request = 1; }
message MultiInferenceRequest { repeated InferenceTask tasks = 1; Input input = 2; }
message InferenceTask { ModelSpec model_spec = 1; }
message SessionRunLog { }
message ModelSpec { string signature_name = 3; }
message Input { ExampleList example_list = 1; ExampleListWithContext example_list_with_context = 2; }
message ExampleList { repeated bytes examples = 1; }
message ExampleListWithContext { repeated bytes examples = 1; bytes context = 2; }
message TensorProto {
  uint32 dtype = 1; Shape tensor_shape = 2; bytes tensor_content = 4; repeated float float_val = 5; repeated double double_val = 6;
  repeated int32 int_val = 7; repeated bytes string_val = 8; repeated int64 int64_val = 10; repeated bool bool_val = 11;
  repeated int32 half_val = 13; repeated uint32 uint32_val = 16; repeated uint64 uint64_val = 17;
}
message Shape { repeated Dim dim = 2; }
message Dim { int64 size = 1; }`;

const type = protobuf.parse(PROTO).root.lookupType('PredictionLog');

/** Names the default signature, as an empty name does there. */
const DEFAULT_SIGNATURE = 'serving_default';

/** What a recorded request runs. */
export type LoggedRequest =
  | { signature: string; inputs: Tensor[] }
  /** Examples for whatever the only input of the signature is called. */
  | { signature: string; examples: readonly Uint8Array[] };

interface ModelSpec {
  signatureName: string;
}
interface Input {
  exampleList?: { examples: Uint8Array[] };
  exampleListWithContext?: { examples: Uint8Array[]; context: Uint8Array };
}
interface PredictionLog {
  predictLog?: { request?: { modelSpec?: ModelSpec; inputs: Record<string, TensorProto> } };
  classifyLog?: { request?: { modelSpec?: ModelSpec; input?: Input } };
  regressLog?: { request?: { modelSpec?: ModelSpec; input?: Input } };
  multiInferenceLog?: { request?: { tasks: { modelSpec?: ModelSpec }[]; input?: Input } };
}

/**
 * All requests of a file. Recorded runs of a session, which name tensors of the graph, are left out.
 * @throws Error in words when the file is damaged
 */
export function readPredictionLogs(file: Buffer): LoggedRequest[] {
  return readRecords(file).flatMap((record, i) => {
    try {
      return requestsOf(type.toObject(type.decode(record), { defaults: true, arrays: true, objects: true }));
    } catch (error) {
      throw new Error(`record ${i}: ${(error as Error).message}`, { cause: error });
    }
  });
}

function requestsOf({ predictLog, classifyLog, regressLog, multiInferenceLog }: PredictionLog): LoggedRequest[] {
  const predict = predictLog?.request;
  if (predict) {
    const inputs = Object.entries(predict.inputs).map(([name, tensor]) => tensorOf(name, tensor));
    return [{ signature: signatureOf(predict.modelSpec), inputs }];
  }
  const single = classifyLog?.request ?? regressLog?.request;
  const tasks = multiInferenceLog?.request?.tasks ?? (single ? [single] : []);
  const examples = examplesOf((multiInferenceLog?.request ?? single)?.input);
  return tasks.map(({ modelSpec }) => ({ signature: signatureOf(modelSpec), examples }));
}

const signatureOf = (spec: ModelSpec | undefined) => spec?.signatureName || DEFAULT_SIGNATURE;

/** Two messages one behind the other are one with the fields of both: so an Example gets the features of its context. */
function examplesOf(input: Input | undefined): Uint8Array[] {
  const { examples, context } = { context: Buffer.alloc(0), ...(input?.exampleListWithContext ?? input?.exampleList) };
  return (examples ?? []).map((example) => Buffer.concat([context, example]));
}

interface TensorProto {
  dtype: number;
  tensorShape: { dim: { size: unknown }[] } | null;
  tensorContent: Uint8Array;
  floatVal: number[];
  doubleVal: number[];
  intVal: number[];
  stringVal: Uint8Array[];
  int64Val: unknown[];
  boolVal: boolean[];
  halfVal: number[];
  uint32Val: number[];
  uint64Val: unknown[];
}

const DATA_TYPE = new Map(
  Object.entries(TF_TYPE).map(([name, type]) => [enumNumbers('tensorflow.DataType')[type], name as DataType]),
);

const big = (value: unknown) => BigInt(String(value));

/** From the field in which tensor.proto keeps the values of each type. */
const VALUES: Record<DataType, (proto: TensorProto) => TensorData> = {
  FP32: ({ floatVal }) => Float32Array.from(floatVal),
  FP64: ({ doubleVal }) => Float64Array.from(doubleVal),
  FP16: ({ halfVal }) => fromHalf(Uint16Array.from(halfVal)),
  BF16: ({ halfVal }) => fromBfloat(Uint16Array.from(halfVal)),
  INT8: ({ intVal }) => Int8Array.from(intVal),
  INT16: ({ intVal }) => Int16Array.from(intVal),
  INT32: ({ intVal }) => Int32Array.from(intVal),
  INT64: ({ int64Val }) => BigInt64Array.from(int64Val, big),
  UINT8: ({ intVal }) => Uint8Array.from(intVal),
  UINT16: ({ intVal }) => Uint16Array.from(intVal),
  UINT32: ({ uint32Val }) => Uint32Array.from(uint32Val),
  UINT64: ({ uint64Val }) => BigUint64Array.from(uint64Val, big),
  BOOL: ({ boolVal }) => Uint8Array.from(boolVal, Number),
  BYTES: ({ stringVal }) => stringVal,
};

/** @throws Error for a type that no model has here, or too few values */
function tensorOf(name: string, proto: TensorProto): Tensor {
  const dtype = DATA_TYPE.get(proto.dtype);
  if (dtype === undefined)
    throw new Error(`input ${name} is of TensorFlow's type ${proto.dtype}, which is not supported`);
  const shape = (proto.tensorShape?.dim ?? []).map(({ size }) => Number(size));
  const count = sizeOf(shape);
  if (proto.tensorContent.length > 0) {
    return { name, dtype, shape, data: readBinary(Buffer.from(proto.tensorContent), dtype, count, `input ${name}`) };
  }
  const data = VALUES[dtype](proto);
  if (data.length !== count && data.length === 0) throw new Error(`input ${name} has no values for its shape`);
  return { name, dtype, shape, data: repeatLast(data, count) };
}

/** Values that are equal up to the end are written once. */
function repeatLast(data: TensorData, count: number): TensorData {
  if (data.length >= count) return data.slice(0, count);
  const last = data[data.length - 1];
  if (Array.isArray(data))
    return Array.from({ length: count }, (_, i) => (data as Uint8Array[])[i] ?? (last as Uint8Array));
  const Type = data.constructor as new (length: number) => Float32Array;
  const whole = new Type(count).fill(last as number);
  whole.set(data as Float32Array);
  return whole;
}

/** The records of a TFRecord file: length, its checksum, data, its checksum. @throws Error when a checksum is wrong */
function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = at + 12 <= file.length ? Number(file.readBigUInt64LE(at)) : Infinity;
    const end = at + 12 + length;
    const whole = end + 4 <= file.length;
    if (!whole || !checked(file, at, 8) || !checked(file, at + 12, length)) {
      throw new Error(`record ${records.length} is cut short or damaged`);
    }
    records.push(file.subarray(at + 12, end));
    at = end + 4;
  }
  return records;
}

const checked = (file: Buffer, at: number, length: number) =>
  file.readUInt32LE(at + length) === maskedCrc32c(file.subarray(at, at + length));
