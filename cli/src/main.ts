import { visible } from '@modeldeployment/modelpack/foreign-text';
import { CommanderError } from 'commander';
import { COMPLETE, complete } from './commands/completion.ts';
import { exitCodeOf, explain, EXIT, InterruptedError } from './errors.ts';
import { makeProgram } from './program.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const interrupt = new AbortController();
for (const [name, code] of Object.entries(SIGNALS)) {
  // Once: a second one ends the process at once, should the first have been of no use.
  process.once(name, () => {
    process.exitCode = code;
    interrupt.abort();
  });
}

async function run(args: readonly string[]): Promise<void> {
  const program = makeProgram(interrupt.signal);
  if (args[0] === COMPLETE) return console.log(await complete(program, args.slice(1)));
  await program.parseAsync(args, { from: 'user' });
}

run(process.argv.slice(2)).catch((error: unknown) => {
  // Whatever failed because it was interrupted is no failure.
  if (interrupt.signal.aborted || error instanceof InterruptedError) return;
  // Commander has said already what is wrong with the arguments, or printed the help that was asked for.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else {
    // What a server or a registry said is told in it.
    console.error(explain(error).split('\n').map(visible).join('\n'));
    process.exitCode = exitCodeOf(error);
  }
});
