/** Layers models, made and saved by TensorFlow.js itself, and what it answers itself. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';

const { input, model, sequential } = layers;
const make = layers.layers;
const SERIES = { batchInputShape: [1, 4, 2] };
const recurrent = { units: 2, stateful: true };
const one = (layer: Parameters<layers.Sequential['add']>[0]) => sequential({ layers: [layer] });

/** Models that remember what they were asked, each of another kind of layer, or of another place of it. */
export const STATEFUL: Record<string, () => layers.LayersModel> = {
  lstm: () => one(make.lstm({ ...recurrent, ...SERIES })),
  gru: () => one(make.gru({ ...recurrent, ...SERIES })),
  'simple-rnn': () => one(make.simpleRNN({ ...recurrent, ...SERIES })),
  rnn: () => one(make.rnn({ cell: make.lstmCell({ units: 2 }), stateful: true, ...SERIES })),
  'two-rows': () => one(make.lstm({ ...recurrent, batchInputShape: [2, 4, 2] })),
  bidirectional: () => one(make.bidirectional({ layer: make.lstm(recurrent), mergeMode: 'concat', ...SERIES })),
  nested: () => {
    const x = input({ batchShape: [1, 4, 2], name: 'x' });
    const inner = one(make.lstm({ ...recurrent, ...SERIES }));
    return model({ inputs: x, outputs: inner.apply(x) as layers.SymbolicTensor });
  },
  'conv-lstm': () =>
    one(
      make.convLstm2d({
        filters: 1,
        kernelSize: 2,
        stateful: true,
        batchInputShape: [1, 2, 3, 3, 1],
        dataFormat: 'channelsLast',
      }),
    ),
};

/** An LSTM that answers its state as well: three outputs of one layer. */
export function returningState(): layers.LayersModel {
  const x = input({ shape: [4, 2], name: 'x' });
  return model({
    inputs: x,
    outputs: make.lstm({ units: 2, returnState: true, name: 'lstm' }).apply(x) as layers.SymbolicTensor[],
  });
}

/** Writes a model all of whose weights are 0.1; answers the numbers it gives for `value` everywhere in its input. */
export async function writeLayersModel(folder: string, made: layers.LayersModel, value: number): Promise<number[]> {
  made.setWeights(made.getWeights().map(({ shape }) => tf.fill(shape, 0.1)));
  await mkdir(folder, { recursive: true });
  const handler = tf.io.withSaveHandler(async ({ modelTopology, weightData, weightSpecs, format }) => {
    const { class_name, config } = modelTopology as { class_name: string; config: object };
    const topology = { keras_version: '2.15.0', backend: 'tensorflow', model_config: { class_name, config } };
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
    await writeFile(join(folder, 'model.json'), JSON.stringify({ format, modelTopology: topology, weightsManifest }));
    await writeFile(join(folder, 'weights.bin'), Buffer.from(weightData as ArrayBuffer));
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
  });
  await made.save(handler);
  const shape = made.inputs[0]?.shape.map((size) => size ?? 1) ?? [];
  const answers = [made.predict(tf.fill(shape, value))].flat();
  return answers.flatMap((answer) => [...answer.dataSync()]);
}
