/** express, JSON.parse and tf.tensor2d: how a model made with Keras is put behind HTTP with tfjs-node. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import express from 'express';

const { PEER_PORT, PEER_MODELS, PEER_TFJS } = process.env;
const tf = createRequire(PEER_TFJS)('@tensorflow/tfjs-node');
tf.enableProdMode();
const model = await tf.loadLayersModel(`file://${join(PEER_MODELS, 'mlp-layers/1/model.json')}`);
const app = express();
app.use(express.json({ limit: '64mb' }));

app.post('/predict', async (request, response) => {
  const outputs = tf.tidy(() => model.predict(tf.tensor2d(request.body.inputs)));
  response.json({ outputs: await outputs.array() });
  outputs.dispose();
});

app.listen(Number(PEER_PORT), '127.0.0.1');
