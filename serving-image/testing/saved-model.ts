/** Writes small SavedModels without TensorFlow, so that tests can have one for each case. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attribute, encodeSavedModel, type NodeDef, type SavedModelGraph } from '@modeldeployment/modelpack';
import type { DataType, Signature, TensorSpec } from '../src/model/types.ts';

export { attribute };
export type GraphNode = NodeDef;

export const placeholder = ({ name, dtype, shape }: TensorSpec): GraphNode => ({
  name,
  op: 'Placeholder',
  attributes: { dtype: attribute.type(dtype), shape: attribute.shape(shape) },
});

export const constant = (
  name: string,
  dtype: DataType,
  shape: readonly number[],
  content: ArrayBufferView,
): GraphNode => ({
  name,
  op: 'Const',
  attributes: { dtype: attribute.type(dtype), value: attribute.tensor(dtype, shape, content) },
});

/** What TensorFlow runs on its own when it loads the model, and the files whose paths it gives to tensors for it. */
type Extra = Pick<SavedModelGraph, 'assets' | 'initialiser'>;

/** Inputs and outputs are nodes of the same name. */
export async function writeSavedModel(
  folder: string,
  nodes: readonly GraphNode[],
  { inputs, outputs, method }: Signature,
  extra: Extra = {},
): Promise<void> {
  const named = (specs: readonly TensorSpec[]) => specs.map((spec) => ({ ...spec, node: `${spec.name}:0` }));
  const signature = { inputs: named(inputs), outputs: named(outputs), ...(method === undefined ? {} : { method }) };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'saved_model.pb'), encodeSavedModel({ nodes, signature, ...extra }));
}
