import { ModelError } from '@modeldeployment/modelpack';
import { makeProgram } from './program.ts';

makeProgram()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    // What a person can mend is told in a sentence; anything else is a fault of ours and shows where.
    const known = error instanceof ModelError || (error as NodeJS.ErrnoException).code !== undefined;
    console.error(`error: ${known ? (error as Error).message : ((error as Error).stack ?? String(error))}`);
    process.exitCode = 1;
  });
