import type { Command } from 'commander';
import { type LiveModel, MODEL_DEPLOYMENTS } from '@modeldeployment/operator';
import { InterruptedError, UsageError } from '../errors.ts';
import { follow, fullName, withModelObjects } from '../kube/find.ts';
import { type Session, withSession } from '../kube/session.ts';
import { encode, type Format, outputOption } from '../output.ts';
import { Screen } from '../screen.ts';
import { readTerminal } from '../terminal.ts';
import { drawList } from '../view/list.ts';
import { drawTree } from '../view/picture.ts';
import { lineOf } from '../view/summary.ts';
import { makeTree, type Tree } from '../view/tree.ts';
import { accessOf, readName } from './access.ts';

interface Options {
  watch?: true;
  allNamespaces?: true;
  output: Format;
}

export function addGet(program: Command, signal: AbortSignal): void {
  program
    .command('get')
    .description('show how a ModelDeployment stands, with its revisions and pods; without a name list them')
    .argument('[name]', 'the ModelDeployment', readName)
    .option('-w, --watch', 'keep the picture up to date until Ctrl-C; piped, print a line for each change')
    .option('-A, --all-namespaces', 'list those of all namespaces')
    .addOption(outputOption('json', 'yaml', 'name'))
    .addHelpText('after', '\nExamples:\n  kubectl mdep get digits\n  kubectl mdep get digits -w\n  kubectl mdep get -A')
    .action(async (name: string | undefined, options: Options, command: Command) => {
      if (name === undefined && options.watch === true) throw new UsageError('name the ModelDeployment to watch');
      if (name !== undefined && options.allNamespaces === true)
        throw new UsageError('-A lists all; leave out the name');
      if (options.watch === true && options.output !== 'text' && options.output !== 'json') {
        throw new UsageError('-w prints text or json');
      }
      await withSession(accessOf(command), async (session) => {
        if (name === undefined) return list(session, options);
        return options.watch === true
          ? watch(session, name, options.output, signal)
          : withModelObjects(session, name, (_, first) => show(makeTree(first), options.output));
      });
    });
}

async function list({ client, namespace }: Session, { allNamespaces, output }: Options): Promise<void> {
  const where = allNamespaces === true ? undefined : namespace;
  const { items } = await client.listAll<LiveModel>(MODEL_DEPLOYMENTS, { namespace: where });
  if (output === 'json' || output === 'yaml') {
    return console.log(await encode({ apiVersion: 'v1', kind: 'List', items }, output));
  }
  if (output === 'name') return items.forEach(({ metadata }) => console.log(fullName(metadata.name)));
  if (items.length === 0) return console.error(`There are no ModelDeployments in ${where ?? 'any namespace'}.`);
  const { width, style } = readTerminal(process.stdout, process.env);
  console.log(drawList(items, { width, style, now: Date.now() }, where === undefined).join('\n'));
}

async function show(tree: Tree, output: Format): Promise<void> {
  if (output === 'name') return console.log(fullName(tree.name));
  if (output !== 'text') return console.log(await encode(tree, output));
  console.log(picture(tree).join('\n'));
}

function picture(tree: Tree): string[] {
  const { width, style } = readTerminal(process.stdout, process.env);
  return drawTree(tree, { width, style, now: Date.now() });
}

/** On a terminal a picture that moves; else a line, or a document, for each change. */
async function watch(session: Session, name: string, output: Format, signal: AbortSignal): Promise<void> {
  const { live } = readTerminal(process.stdout, process.env);
  const screen = live && output === 'text' ? new Screen(process.stdout) : undefined;
  await withModelObjects(session, name, async (reader) => {
    let last = '';
    let lines: string[] = [];
    const draw = (tree: Tree): void => {
      const trouble = reader.trouble();
      lines = [...picture(tree), ...(trouble === undefined ? [] : ['', `connection lost, trying again: ${trouble}`])];
      screen?.draw(lines);
    };
    const tell = (tree: Tree): void => {
      const text = output === 'text' ? lineOf(tree) : JSON.stringify(tree);
      if (text === last) return;
      last = text;
      console.log(output === 'text' ? `${new Date().toISOString()} ${text}` : text);
    };
    try {
      await follow<never>(reader, signal, {
        look: (objects) => {
          (screen === undefined ? tell : draw)(makeTree(objects));
          return undefined;
        },
      });
    } catch (error) {
      screen?.close();
      // What was seen last stays on the screen that the person comes back to.
      if (screen !== undefined) console.log(lines.join('\n'));
      if (!(error instanceof InterruptedError)) throw error;
    }
  });
}
