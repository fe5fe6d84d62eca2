import type { Command } from 'commander';
import { KIND, type LiveModel, type World, withDefaults } from '@modeldeployment/operator';
import { type Change, predictChange } from '../decide/change.ts';
import { StateError } from '../errors.ts';
import { accessFlags, namespaceFlags, runKubectl } from '../kube/kubectl.ts';
import { ModelObjectsReader } from '../kube/reader.ts';
import { type Session, withSession } from '../kube/session.ts';
import { readInput } from '../input.ts';
import { encode, type Format, outputOption } from '../output.ts';
import { readTerminal } from '../terminal.ts';
import { drawChange } from '../view/change.ts';
import { accessOf } from './access.ts';

interface Options {
  filename: string;
  serverSide?: true;
  fieldManager?: string;
  output: Format;
}

/** Exit code of `--exit-code`, for pipelines that ask before they start pods. */
const STARTS_PODS = 3;

export function addDiff(program: Command): void {
  program
    .command('diff')
    .description('tell what applying a manifest would do: will pods start, and what will the operator write?')
    .requiredOption('-f, --filename <file>', 'the manifest, - for stdin, or a folder')
    .option('--server-side', 'as kubectl apply --server-side would')
    .option('--field-manager <name>', 'with --server-side: on behalf of this manager, such as argocd-controller')
    .option('--exit-code', `end with ${STARTS_PODS} if pods would start`)
    .addOption(outputOption('json', 'yaml'))
    .addHelpText(
      'after',
      '\nNothing is written: the API server applies the manifest as a dry run, with your rights, and the decisions of the\noperator are made here. An operator of another version may decide otherwise.',
    )
    .action(async (options: Options & { exitCode?: true }, command: Command) => {
      const changes = await withSession(accessOf(command), (session) => predict(session, options));
      if (options.output === 'text') {
        const { width, style } = readTerminal(process.stdout, process.env);
        const drawn = changes.map((change) => drawChange(change, { width, style, now: Date.now() }).join('\n'));
        console.log(drawn.join('\n\n'));
      } else {
        console.log(await encode(changes, options.output === 'yaml' ? 'yaml' : 'json'));
      }
      if (options.exitCode === true && changes.some(({ startsPods }) => startsPods)) process.exitCode = STARTS_PODS;
    });
}

async function predict(session: Session, options: Options): Promise<Change[]> {
  const changes: Change[] = [];
  for (const next of await dryRun(session, options)) {
    const { name, namespace = session.namespace } = next.metadata;
    const reader = new ModelObjectsReader({ client: session.client, namespace }, name, 'all');
    try {
      await reader.start();
      const objects = reader.read();
      const model = {
        ...next,
        ...(objects === undefined ? {} : { ownsRollbackTo: objects.model.ownsRollbackTo === true }),
      };
      const world = reader.world(settingsFor(objects?.model, objects?.revisions ?? []), model);
      changes.push(predictChange(objects?.model, world, objects?.missing ?? []));
    } finally {
      await reader.close();
    }
  }
  return changes;
}

/** The ModelDeployments of the manifest as the API server would store them. */
async function dryRun(session: Session, { filename, serverSide, fieldManager }: Options): Promise<LiveModel[]> {
  const flags = [...accessFlags(session.access), ...namespaceFlags(session.access)];
  const how = [
    ...(serverSide === true ? ['--server-side', '--force-conflicts'] : []),
    ...(fieldManager === undefined ? [] : [`--field-manager=${fieldManager}`]),
  ];
  const args = ['apply', '--dry-run=server', '-o', 'json', ...how, '-f', filename, ...flags];
  const said = await runKubectl(args, filename === '-' ? { input: await readInput(filename) } : {});
  const parsed = JSON.parse(said) as { kind: string; items?: { kind: string }[] };
  const models = (parsed.items ?? [parsed]).filter(({ kind }) => kind === KIND) as unknown as LiveModel[];
  if (models.length === 0)
    throw new StateError(`${filename} holds no ${KIND}; for anything else there is kubectl diff`);
  return models;
}

/** The operator's own settings are not for everybody to read; which image it brings is told by ServerOutdated. */
function settingsFor(live: LiveModel | undefined, revisions: readonly { image: string }[]): World['settings'] {
  const outdated = live?.status?.conditions?.some(({ type, status }) => type === 'ServerOutdated' && status === 'True');
  const own = live === undefined ? undefined : withDefaults(live.spec).server.image;
  const servingImage = outdated === true && own === undefined ? 'newer' : (revisions.at(-1)?.image ?? '');
  return { servingImage, plainHttpRegistries: [], caBundle: undefined, pullSecrets: [], fixedIds: true };
}
