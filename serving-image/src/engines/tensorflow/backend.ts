import './node24.ts';
import { NodeJSKernelBackend } from '@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js';
import '@tensorflow/tfjs-node/dist/register_all_kernels.js';
import type { TFJSBinding } from '@tensorflow/tfjs-node/dist/tfjs_binding.js';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelFolder, Predictor } from '../../model/types.ts';
import { loadTfjs } from '../tfjs.ts';
import type { SessionAddon } from './session.ts';

const NAME = 'tensorflow';
const PACKAGE = '@tensorflow/tfjs-node';

/**
 * Loads a model of TensorFlow.js on TensorFlow. Only the backend and the kernels of tfjs-node are used: its main module
 * brings WebGL, training and data sets as well.
 * @throws FatalError ModelMalformed, ModelLoadFailed
 */
export async function loadOnTensorflow(
  binding: TFJSBinding,
  session: Pick<SessionAddon, 'withoutSignals'>,
  model: ModelFolder,
): Promise<Predictor> {
  await startBackend(binding, session);
  return loadTfjs(model);
}

export async function startBackend(
  binding: TFJSBinding,
  { withoutSignals }: Pick<SessionAddon, 'withoutSignals'>,
): Promise<void> {
  const executeOp: TFJSBinding['executeOp'] = (...op) => withoutSignals(() => binding.executeOp(...op));
  const quiet = Object.create(binding, { executeOp: { value: executeOp } }) as TFJSBinding;
  const backend = () => new NodeJSKernelBackend(quiet, PACKAGE);
  if (tf.findBackend(NAME) === null) tf.registerBackend(NAME, backend);
  if (!(await tf.setBackend(NAME))) throw new Error('the backend of tfjs-node did not start');
}
