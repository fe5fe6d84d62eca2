import { Command } from 'commander';
import { addAccessFlags } from './commands/access.ts';
import { addActions } from './commands/actions.ts';
import { addCompletion } from './commands/completion.ts';
import { addDiff } from './commands/diff.ts';
import { addEvents } from './commands/events.ts';
import { addGet } from './commands/get.ts';
import { addHistory } from './commands/history.ts';
import { addLogs } from './commands/logs.ts';
import { addModelCommands } from './commands/models.ts';
import { addPredict } from './commands/predict.ts';
import { addServe } from './commands/serve.ts';
import { addUndo } from './commands/undo.ts';
import { EXIT } from './errors.ts';

export const VERSION = '0.1.0';

/** The commands of `kubectl mdep`. `signal` ends what would go on for ever. */
export function makeProgram(signal: AbortSignal = new AbortController().signal): Command {
  const program = new Command('kubectl-mdep')
    .usage('[command] [options]')
    .description('Look at ModelDeployments, move them between versions, and pack models for them.')
    .version(VERSION, '-V, --version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(kubectl mdep --help shows how it is used)')
    .addHelpText(
      'after',
      `\nThe cluster is reached through kubectl, with your rights. Registry credentials are those of docker login.\nExit codes: 0 done, ${EXIT.failed} failed, ${EXIT.usage} wrong arguments.`,
    );
  addAccessFlags(program);
  program.commandsGroup('See how it stands:');
  addGet(program, signal);
  addHistory(program);
  addEvents(program, signal);
  addLogs(program, signal);
  addPredict(program, signal);
  program.commandsGroup('Move between versions:');
  addDiff(program);
  addUndo(program, signal);
  addActions(program, signal);
  program.commandsGroup('Models:');
  addModelCommands(program);
  addServe(program, signal);
  program.commandsGroup('Other:');
  addCompletion(program);
  program
    .command('version')
    .description('print the version of this program')
    .action(() => console.log(VERSION));
  program.helpCommand(true);
  return program;
}
