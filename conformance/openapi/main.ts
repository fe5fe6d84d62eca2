import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { denseGraphModel } from '../../serving-image/testing/models.ts';
import { Bench } from '../../serving-image/testing/server.ts';
import { exec } from '../../tools/exec.ts';
import { Progress } from '../../tools/progress.ts';
import { pythonEnvironment } from '../../tools/python.ts';

/**
 * npm run openapi [-- OPTION…]: Schemathesis asks a server everything that its OpenAPI document allows, and what it does not;
 * options are those of `schemathesis run`. What the document cannot say is in schemathesis.toml.
 */
const HERE = fileURLToPath(new URL('.', import.meta.url));

const progress = new Progress();
const venv = await progress.step('Schemathesis, into an environment of its own', () =>
  pythonEnvironment('schemathesis-venv', [{ list: join(HERE, 'requirements.txt') }]),
);
const bench = await Bench.create();
try {
  await denseGraphModel(join(bench.models, 'dense/1'));
  const server = await bench.start({ MODEL_NAME: 'dense', MODEL_VERSION: '1', MODEL_ENGINE: 'wasm' });
  await server.logged('worker ready');
  const config = ['--config-file', join(HERE, 'schemathesis.toml')];
  const url = `${server.url}/openapi.json`;
  await exec(join(venv, 'bin/schemathesis'), [...config, 'run', url, '--no-color', ...process.argv.slice(2)], {
    // Where it may leave what it has found.
    cwd: bench.models,
    onLine: (line) => console.log(line),
  });
} catch {
  // It has said itself what it has found.
  process.exitCode = 1;
} finally {
  await bench.dispose();
}
