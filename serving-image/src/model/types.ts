/**
 * What every part of the server agrees on: tensors, signatures, and the interface an engine implements. Nothing here
 * runs; protocol/ may import it, so it must stay free of effects.
 */
import type { Datatype, ModelFormat, Signature, TensorSpec } from '@modeldeployment/modelpack';
import type { Judgement } from '@modeldeployment/modelpack/examine';

export type {
  Datatype as DataType,
  FailureReport,
  ModelFormat,
  Signature,
  TensorSpec,
} from '@modeldeployment/modelpack';
export type { Judgement, RowVerdict } from '@modeldeployment/modelpack/examine';

/** Values in row-major order. BOOL is one byte each, BYTES one array per element. */
export type TensorData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly Uint8Array[];

export interface Tensor {
  name: string;
  dtype: Datatype;
  shape: readonly number[];
  data: TensorData;
}

export type EngineName = 'tensorflow' | 'wasm' | 'cpu';

/** The engine that runs a model, and why it does, in words. */
export interface EngineChoice {
  engine: EngineName;
  reason: string;
}

/** How long one run of a model takes on an engine, in milliseconds. */
export interface Measurement {
  engine: EngineName;
  oneMs: number;
  /** With `batchRows` rows; where the model knows no batches the same as `oneMs`. */
  batchMs: number;
  batchRows: number;
}

/** A model folder as it was found on disk, before any engine has seen it. */
export interface ModelFolder {
  name: string;
  version: string;
  directory: string;
  format: ModelFormat;
  /** What a SavedModel calls the graph that is served. */
  tags: readonly string[];
  signatures: ReadonlyMap<string, Signature>;
  /** What its graph tells of each signature. */
  judged: ReadonlyMap<string, Judgement>;
  /** Why signatures that the model has are not served, in words. */
  refused: readonly string[];
}

/** What the protocols need to know of the model that is served. */
export interface ServedModel {
  name: string;
  version: string;
  format: ModelFormat;
  engine: EngineName;
  /** Why it is this engine, in words. */
  engineReason: string;
  signatures: ReadonlyMap<string, Signature>;
  /** Key into `signatures` for requests that name none. */
  defaultSignature: string;
}

/**
 * A loaded model. `predict` trusts its inputs: the protocol layer has checked names, types and shapes.
 * @throws RunError when the model itself refuses the values.
 */
export interface Predictor {
  /** As the engine knows them once the model is loaded. */
  readonly signatures: ReadonlyMap<string, Signature>;
  /** Answers all outputs of the signature, in its order. */
  predict(signature: string, inputs: readonly Tensor[]): Promise<Tensor[]>;
  /** Tensors that the engine holds now, and their bytes. Weights are among them unless they are TensorFlow's own. */
  memory?(): { tensors: number; bytes: number };
}

export interface Engine {
  name: EngineName;
  formats: readonly ModelFormat[];
  load(model: ModelFolder): Promise<Predictor>;
  /** To be called when a model is loaded and warm: gives back memory that it needed for that only. */
  settle?(): void;
}

/** Number of elements of a shape whose dimensions are all known. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Whether a tensor has the dimensions that a signature promises. */
export function hasShape({ shape, unknownRank }: TensorSpec, found: readonly number[]): boolean {
  if (unknownRank) return true;
  if (found.length !== shape.length) return false;
  for (let i = 0; i < shape.length; i++) if (shape[i] !== -1 && shape[i] !== found[i]) return false;
  return true;
}

/** What an element of BYTES takes beside its bytes. */
const TEXT_BYTES = 128;

/** Memory that tensors take, in bytes. */
export function bytesOf(tensors: readonly Tensor[]): number {
  let sum = 0;
  for (const { data } of tensors) {
    if (!Array.isArray(data)) sum += (data as Exclude<TensorData, readonly Uint8Array[]>).byteLength;
    else for (const text of data as readonly Uint8Array[]) sum += TEXT_BYTES + text.length;
  }
  return sum;
}
