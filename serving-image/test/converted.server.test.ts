import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { convertLayers, type LayersModel } from '@modeldeployment/modelpack';
import { ensureNative } from '../src/build/native.ts';
import { Bench } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

/**
 * What Keras 3.15 on TensorFlow 2.21 answers, printed by
 *
 *     import numpy as np, keras
 *     from keras import layers as L
 *     m = keras.Sequential([L.Input((4, 2), name="steps"), L.LSTM(3), L.Dense(2, activation="softmax")])
 *     def made(shape): return np.array([(7 * i % 11 - 5) / 10 for i in range(np.prod(shape))]).reshape(shape)
 *     m.set_weights([made(w.shape) for w in m.weights])
 *     print(m.predict(np.arange(-8, 8).reshape(2, 4, 2) / 4, verbose=0).tolist())
 */
const ANSWERS = [
  [0.3124482333660126, 0.687551736831665],
  [0.2847636044025421, 0.7152363657951355],
];

const ROWS = [0, 1].map((row) => [0, 1, 2, 3].map((step) => [0, 1].map((i) => (8 * row + 2 * step + i - 8) / 4)));

function made(...shape: number[]) {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, i) => (((7 * i) % 11) - 5) / 10);
  return { path: 'made', dtype: 'float32', shape, read: () => new Uint8Array(values.buffer) };
}

const WEIGHTS = new Map([
  ['lstm', [made(2, 12), made(3, 12), made(12)]],
  ['dense', [made(3, 2), made(2)]],
]);

/** The part of what Keras writes that this model needs. */
const MODEL: LayersModel = {
  kerasVersion: '3.15.0',
  config: {
    class_name: 'Sequential',
    config: {
      name: 'm',
      layers: [
        { class_name: 'InputLayer', config: { name: 'steps', batch_shape: [null, 4, 2], dtype: 'float32' } },
        {
          class_name: 'LSTM',
          config: { name: 'lstm', units: 3, activation: 'tanh', recurrent_activation: 'sigmoid' },
        },
        { class_name: 'Dense', config: { name: 'dense', units: 2, activation: 'softmax' } },
      ],
    },
  },
  weightsOf: (path) => WEIGHTS.get(path.join('/')) ?? [],
};

describe('a model of Keras layers that is converted', () => {
  it('answers as Keras does, also row by row', async () => {
    const folder = join(bench.models, 'steps/1');
    for (const { path, read } of convertLayers(MODEL).files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), read());
    }
    const server = await bench.start({ MODEL_NAME: 'steps', MODEL_ENGINE: 'tensorflow' });
    await server.logged('worker ready');
    const ask = async (instances: unknown) => {
      const { status, body } = await server.post('/v1/models/steps:predict', { instances });
      expect([status, body]).toEqual([200, expect.stringContaining('predictions')]);
      return (JSON.parse(body) as { predictions: number[][] }).predictions;
    };
    const near = ANSWERS.map((row) => row.map((value) => expect.closeTo(value, 5)));
    expect(await ask(ROWS)).toEqual(near);
    for (const [i, row] of ROWS.entries()) expect(await ask([row])).toEqual([near[i]]);
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  }, 60_000);
});
