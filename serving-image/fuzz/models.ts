/** Models to decode for: each answers its inputs. */
import type { ServedModel, TensorSpec } from '../src/model/types.ts';

const model = (...inputs: TensorSpec[]): ServedModel => ({
  name: 'm',
  version: '1',
  format: 'SavedModel',
  engine: 'cpu',
  engineReason: '',
  signatures: new Map([['serving_default', { inputs, outputs: inputs }]]),
  defaultSignature: 'serving_default',
});

/** The first byte of an input chooses one. */
export const MODELS: readonly ServedModel[] = [
  model({ name: 'x', dtype: 'FP32', shape: [-1, 3] }),
  model({ name: 'x', dtype: 'INT64', shape: [-1] }),
  model({ name: 'x', dtype: 'BYTES', shape: [-1] }),
  model({ name: 'a', dtype: 'INT8', shape: [-1, 2] }, { name: 'b', dtype: 'BOOL', shape: [-1] }),
  model({ name: 'x', dtype: 'FP64', shape: [] }),
  model({ name: 'x', dtype: 'FP16', shape: [-1, -1] }),
  model({ name: 'x', dtype: 'UINT64', shape: [2, 2] }),
];

export const modelOf = (byte = 0): ServedModel => MODELS[byte % MODELS.length] as ServedModel;
