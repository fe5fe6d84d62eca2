/** Entry point of the serving image: `main.mjs serve | fetch | resolve`. Each command loads only what it needs. */
import { COMMAND } from '@modeldeployment/modelpack/contract';
import type { EngineName } from './model/types.ts';

/** See engines/choose.ts, which would bring more into every command. */
const MEASURE = 'measure';

const COMMANDS: Readonly<Record<string, () => Promise<number>>> = {
  [COMMAND.serve]: async () => (await import('./supervisor/serve.ts')).serve(),
  [COMMAND.fetch]: async () => (await import('./sources/main.ts')).fetchModel(process.env),
  [COMMAND.resolve]: async () => (await import('./sources/main.ts')).resolveModel(process.env),
  // Started by `serve`, one for each core.
  worker: async () => (await import('./worker/serve-worker.ts')).serveWorker(process.argv[3] || undefined),
  // Started by a worker that has several engines to choose from.
  [MEASURE]: async () => (await import('./loading/measure-engine.ts')).answerMeasurement(process.argv[3] as EngineName),
};

const command = COMMANDS[process.argv[2] ?? ''];
if (command) {
  process.exitCode = await command();
} else {
  process.stderr.write(`usage: main.mjs ${Object.values(COMMAND).join('|')}\n`);
  process.exitCode = 2;
}
