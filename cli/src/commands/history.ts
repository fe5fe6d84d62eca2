import type { Command } from 'commander';
import { StateError } from '../errors.ts';
import type { ModelObjects } from '../family.ts';
import { withModelObjects } from '../kube/find.ts';
import { withSession } from '../kube/session.ts';
import { encode, type Format, outputOption } from '../output.ts';
import { readTerminal } from '../terminal.ts';
import { drawHistory, drawRevision, makeHistory } from '../view/history.ts';
import { accessOf, readName, readRevisionNumber } from './access.ts';

interface Options {
  revision?: number;
  output: Format;
}

export function addHistory(program: Command): void {
  program
    .command('history')
    .description('list the revisions one can return to, or show one of them in full')
    .argument('<name>', 'the ModelDeployment', readName)
    .option('--revision <number>', 'show this revision, and what changed with it', readRevisionNumber)
    .addOption(outputOption('json', 'yaml', 'name'))
    .addHelpText('after', '\nExamples:\n  kubectl mdep history digits\n  kubectl mdep history digits --revision 2')
    .action((name: string, options: Options, command: Command) =>
      withSession(accessOf(command), (session) =>
        withModelObjects(session, name, (_, objects) => history(objects, options), ['models', 'revisions']),
      ),
    );
}

async function history(objects: ModelObjects, { revision, output }: Options): Promise<void> {
  const entries = makeHistory(objects);
  const chosen = revision === undefined ? entries : entries.filter((entry) => entry.revision === revision);
  if (revision !== undefined && chosen.length === 0) {
    const known = entries.map((entry) => entry.revision).join(', ');
    throw new StateError(`there is no revision ${revision}; the history has ${known || 'none'}`);
  }
  if (output === 'name') return chosen.forEach(({ name }) => console.log(`controllerrevision.apps/${name}`));
  const shown = objects.revisions.find(({ number }) => number === revision);
  if (output !== 'text') return console.log(await encode(shown ?? chosen, output));
  const { width, style } = readTerminal(process.stdout, process.env);
  const canvas = { width, style, now: Date.now() };
  if (shown === undefined) return console.log(drawHistory(chosen, canvas).join('\n'));
  const before = objects.revisions.findLast(({ number }) => number < shown.number);
  console.log(drawRevision(shown, before, chosen[0]?.state ?? '', canvas).join('\n'));
}
