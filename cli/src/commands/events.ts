import type { Command } from 'commander';
import { EVENTS, Informer } from '@modeldeployment/operator';
import { UsageError } from '../errors.ts';
import { getModel } from '../kube/find.ts';
import { type Session, withSession } from '../kube/session.ts';
import { encode, type Format, outputOption } from '../output.ts';
import { readTerminal } from '../terminal.ts';
import { drawEvent, isOfChild, isOwn, isRestart, isUsual, type LiveEvent, timeOf } from '../view/events.ts';
import { accessOf, readName } from './access.ts';

interface Options {
  watch?: true;
  all?: true;
  warnings?: true;
  output: Format;
}

export function addEvents(program: Command, signal: AbortSignal): void {
  program
    .command('events')
    .description('print what happened to a ModelDeployment, and what went wrong with its pods, the latest last')
    .argument('<name>', 'the ModelDeployment', readName)
    .option('-w, --watch', 'go on as more happens')
    .option('-a, --all', 'also what is usual for its pods, such as being scheduled')
    .option('--warnings', 'warnings only')
    .addOption(outputOption('json', 'yaml'))
    .action((name: string, options: Options, command: Command) => {
      if (options.watch === true && options.output !== 'text') throw new UsageError('-w prints text');
      return withSession(accessOf(command), (session) => events(session, name, options, signal));
    });
}

async function events(session: Session, name: string, options: Options, signal: AbortSignal): Promise<void> {
  const { client, namespace } = session;
  const model = await getModel(session, name);
  const wanted = (event: LiveEvent): boolean => {
    const warning = event.type === 'Warning';
    if (isOwn(event, model)) return warning || options.warnings !== true;
    if (!isOfChild(event, model)) return false;
    if (options.all === true || (warning && !isUsual(event))) return true;
    return options.warnings !== true && isRestart(event);
  };
  const { items } = await client.listAll<LiveEvent>(EVENTS, { namespace });
  const found = items.filter(wanted).sort((a, b) => Date.parse(timeOf(a)) - Date.parse(timeOf(b)));
  if (options.output !== 'text') return console.log(await encode(found, options.output === 'yaml' ? 'yaml' : 'json'));
  const print = (event: LiveEvent): void => {
    const { width, style } = readTerminal(process.stdout, process.env);
    console.log(drawEvent(event, { width, style, now: Date.now() }).join('\n'));
  };
  found.forEach(print);
  if (options.watch === true) return follow(session, found, wanted, print, signal);
  if (found.length === 0) console.error(`Nothing happened to ${name} of late; Kubernetes keeps events for an hour.`);
}

async function follow(
  { client, namespace }: Session,
  printed: readonly LiveEvent[],
  wanted: (event: LiveEvent) => boolean,
  print: (event: LiveEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const informer = new Informer<LiveEvent>({ client, type: EVENTS, namespaces: [namespace] });
  const seen = new Set(printed.map(({ metadata: { uid, resourceVersion } }) => uid + resourceVersion));
  informer.store.onChange(({ type, object }) => {
    const { uid, resourceVersion } = object.metadata;
    if (type !== 'deleted' && wanted(object) && !seen.has(uid + resourceVersion)) print(object);
  });
  await informer.run(signal);
}
