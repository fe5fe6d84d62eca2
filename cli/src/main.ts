import { CommanderError } from 'commander';
import { explain, EXIT } from './errors.ts';
import { makeProgram } from './program.ts';

makeProgram()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    // Commander has said already what is wrong with the arguments, or printed the help that was asked for.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
    else {
      console.error(explain(error));
      process.exitCode = EXIT.failed;
    }
  });
