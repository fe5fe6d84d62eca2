/** What version 2 of the protocol tells of the server and its models. */
import type { DataType, ServedModel, TensorSpec } from '../../model/types.ts';
import { defaultSignature } from '../request.ts';

export const SERVER_NAME = 'modeldeployment-server';

/** Triton's names for what goes beyond the protocol itself. */
const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'parameters',
  'statistics',
];

const PLATFORM = {
  SavedModel: 'tensorflow_savedmodel',
  TFJSGraph: 'tensorflowjs_graph_model',
  TFJSLayers: 'tensorflowjs_layers_model',
} as const;

export function serverMetadata(version: string): string {
  return JSON.stringify({ name: SERVER_NAME, version, extensions: EXTENSIONS });
}

/** `versions` are all that are served, this one among them. */
export function modelMetadata(model: ServedModel, versions: readonly string[]): string {
  const { inputs, outputs } = defaultSignature(model);
  const describe = (spec: TensorSpec) => ({ name: spec.name, datatype: spec.dtype, shape: spec.shape });
  return JSON.stringify({
    name: model.name,
    versions,
    platform: PLATFORM[model.format],
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
    properties: { engine: model.engine, engine_reason: model.engineReason },
  });
}

/**
 * The model's configuration as Triton would show it: the part of its ModelConfig that has a meaning here. `batchRows` is
 * how many rows of several requests are put together, 0 when none are; Triton leaves the batch dimension out then.
 */
export function modelConfig(model: ServedModel, batchRows: number): string {
  const { inputs, outputs } = defaultSignature(model);
  const describe = ({ name, dtype, shape }: TensorSpec) => ({
    name,
    data_type: `TYPE_${tritonType(dtype)}`,
    dims: batchRows > 0 ? shape.slice(1) : shape,
  });
  return JSON.stringify({
    name: model.name,
    platform: PLATFORM[model.format],
    backend: model.engine,
    max_batch_size: batchRows,
    input: inputs.map(describe),
    output: outputs.map(describe),
    ...(batchRows > 0 ? { dynamic_batching: {} } : {}),
    default_model_filename: model.format === 'SavedModel' ? 'saved_model.pb' : 'model.json',
  });
}

const tritonType = (dtype: DataType) => (dtype === 'BYTES' ? 'STRING' : dtype);

/** A model version in the repository's index; `state` is READY, LOADING, UNLOADING or UNAVAILABLE. */
export interface IndexEntry {
  name: string;
  version: string;
  state: string;
  reason: string;
}

export const repositoryIndex = (entries: readonly IndexEntry[], onlyReady: boolean): string =>
  JSON.stringify(
    entries
      .filter(({ state }) => !onlyReady || state === 'READY')
      .map(({ name, version, state, reason }) => ({ name, version, state, reason })),
  );
