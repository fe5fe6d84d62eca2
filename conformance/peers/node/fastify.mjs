/** fastify and onnxruntime-node: the fastest server that npm offers for a small model without much work. */
import { join } from 'node:path';
import Fastify from 'fastify';
import ort from 'onnxruntime-node';

const { PEER_PORT, PEER_MODELS, PEER_THREADS = '0' } = process.env;
const session = await ort.InferenceSession.create(join(PEER_MODELS, 'mlp.onnx'), {
  intraOpNumThreads: Number(PEER_THREADS),
});
const [input] = session.inputNames;
const [output] = session.outputNames;
const app = Fastify({ bodyLimit: 64 * 1024 * 1024 });

app.post('/predict', async (request) => {
  const rows = request.body.inputs;
  const width = rows[0].length;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => data.set(row, i * width));
  const { data: values, dims } = (
    await session.run({ [input]: new ort.Tensor('float32', data, [rows.length, width]) })
  )[output];
  return { outputs: rows.map((_, i) => [...values.subarray(i * dims[1], (i + 1) * dims[1])]) };
});

await app.listen({ port: Number(PEER_PORT), host: '127.0.0.1' });
