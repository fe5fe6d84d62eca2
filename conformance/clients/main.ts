import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { denseGraphModel, halfPlusThreeSavedModel, identitySavedModel } from '../../serving-image/testing/models.ts';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { Bench } from '../../serving-image/testing/server.ts';
import { exec, ExecError } from '../../tools/exec.ts';
import { Progress } from '../../tools/progress.ts';
import { clientsPython } from '../../tools/python.ts';

/**
 * npm run clients: the server, asked by the clients that its users have, as their publishers ship them. They are installed
 * into a Python environment of their own, about 2 GB with TensorFlow, which is kept in ~/.cache/modeldeployment.
 */
const HERE = fileURLToPath(new URL('.', import.meta.url));
const MODELS = 5;
/** Pages of metrics whose names are our own or follow Prometheus' rules; those of others have the names they have. */
const LINTED = ['/metrics'];

async function makeModels(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name, '1');
  await denseGraphModel(at('dense'));
  await identitySavedModel(at('text'), 'BYTES');
  await identitySavedModel(at('long'), 'INT64');
  await halfPlusThreeSavedModel(at('classify'), 'classify');
  await halfPlusThreeSavedModel(at('regress'), 'regress');
}

interface Results {
  passed: number;
  failed: number;
  skipped: number;
}

/** KServe's and Triton's packages cannot be in one process. */
const GROUPS = [['tritonclient'], ['kserve'], ['tensorflow', 'grpcio', 'curl', 'Prometheus']];

async function ask(python: string, args: readonly string[], results: Results): Promise<void> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', GRPC_VERBOSITY: 'NONE', CUDA_VISIBLE_DEVICES: '' };
  const output = await exec(python, [join(HERE, 'clients.py'), ...args], {
    env,
    onLine: (line) => console.log(line),
  }).catch((error: unknown) => {
    if (error instanceof ExecError) return error.stdout;
    throw error;
  });
  const [, passed = 0, failed = 1] = /(\d+) passed, (\d+) failed/.exec(output) ?? [];
  results.passed += Number(passed);
  results.failed += Number(failed);
}

/** `promtool check metrics` where there is one, else the linter it is made of. */
async function lint(admin: string, results: Results): Promise<void> {
  const has = (command: string) =>
    exec('which', [command]).then(
      () => true,
      () => false,
    );
  const promtool = await has('promtool');
  if (!promtool && !(await has('go'))) {
    console.log('skip  promtool check metrics: neither promtool nor Go is here');
    results.skipped++;
    return;
  }
  for (const page of LINTED) {
    const input = await (await fetch(`${admin}${page}`)).text();
    const [command = '', ...args] = promtool ? ['promtool', 'check', 'metrics'] : ['go', 'run', '.'];
    try {
      await exec(command, args, { input, cwd: join(HERE, 'promlint') });
      console.log(`ok    promtool check metrics: ${page}`);
      results.passed++;
    } catch (error) {
      console.log(`FAIL  promtool check metrics: ${page}\n${(error as ExecError).stdout}`);
      results.failed++;
    }
  }
}

async function main(): Promise<number> {
  const progress = new Progress();
  await progress.step("TensorFlow's native half", () => ensureNative(() => undefined));
  const python = await progress.step('the clients, into an environment of their own', clientsPython);
  const bench = await Bench.create();
  try {
    await makeModels(bench.models);
    const server = await progress.step('a server with five models', async () => {
      const started = await bench.start({ MODEL_CONTROL: 'explicit', LOAD_MODELS: '*' });
      await started.logged('worker ready', MODELS);
      return started;
    });
    const results: Results = { passed: 0, failed: 0, skipped: 0 };
    const addresses = [new URL(server.url).host, server.grpc, new URL(server.admin).host];
    await progress.step('every client', async () => {
      for (const group of GROUPS) await ask(python, [...addresses, ...group], results);
    });
    await progress.step('metrics', () => lint(server.admin, results));
    console.log(`${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
    return results.failed === 0 ? 0 : 1;
  } finally {
    await bench.dispose();
  }
}

process.exitCode = await main();
