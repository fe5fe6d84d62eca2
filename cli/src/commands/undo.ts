import type { Command } from 'commander';
import { MODEL_DEPLOYMENTS } from '@modeldeployment/operator';
import { planUndo } from '../decide/undo.ts';
import { StateError, UsageError } from '../errors.ts';
import type { ModelObjects } from '../family.ts';
import { follow, withModelObjects } from '../kube/find.ts';
import type { ModelObjectsReader } from '../kube/reader.ts';
import { type Session, withSession } from '../kube/session.ts';
import { lineOf } from '../view/summary.ts';
import { makeTree } from '../view/tree.ts';
import { accessOf, readName, readRevisionNumber, readSpan } from './access.ts';
import { OPERATOR_HINT } from './actions.ts';

interface Options {
  toRevision?: number;
  clear?: true;
  wait?: true;
  timeout?: number;
}

const DEFAULT_WAIT = '5m';
const NEEDED = ['models', 'revisions'] as const;

export function addUndo(program: Command, signal: AbortSignal): void {
  program
    .command('undo')
    .description('serve an earlier revision again, until spec.model changes (spec.rollbackTo)')
    .argument('<name>', 'the ModelDeployment', readName)
    .option('--to-revision <number>', 'the revision (default: the one before; see history)', readRevisionNumber)
    .option('--clear', 'remove spec.rollbackTo: serve what spec.model asks for')
    .option('--wait', 'wait until the revision serves')
    .option('--timeout <span>', `how long to wait (default: ${DEFAULT_WAIT})`, readSpan)
    .addHelpText('after', '\nExamples:\n  kubectl mdep undo digits --wait\n  kubectl mdep undo digits --to-revision 3')
    .action((name: string, options: Options, command: Command) => {
      if (options.clear === true && options.toRevision !== undefined) {
        throw new UsageError('--clear returns to spec.model; leave out --to-revision');
      }
      return withSession(accessOf(command), (session) =>
        withModelObjects(session, name, (reader, objects) => undo(session, reader, objects, options, signal), NEEDED),
      );
    });
}

async function undo(
  { client }: Session,
  reader: ModelObjectsReader,
  objects: ModelObjects,
  { toRevision, clear, wait, timeout }: Options,
  signal: AbortSignal,
): Promise<void> {
  const { metadata } = objects.model;
  const { name } = metadata;
  // The serving image does not matter for which revision it is.
  const settings = {
    servingImage: objects.revisions.at(-1)?.image ?? '',
    plainHttpRegistries: [],
    caBundle: undefined,
    pullSecrets: [],
    fixedIds: true,
  };
  const plan = clear === true ? undefined : planUndo(objects, reader.world(settings, objects.model), toRevision);
  if (plan?.warning !== undefined) console.error(`warning: ${plan.warning}`);
  const written = await client.mergePatch(MODEL_DEPLOYMENTS, metadata, {
    spec: { rollbackTo: plan?.rollbackTo ?? null },
  });
  if (plan === undefined) console.log(`${name} serves what spec.model asks for; spec.rollbackTo is removed`);
  else console.log(`${name} returns to revision ${plan.to}`);
  if (wait !== true) return;
  let told = '';
  const served = await follow(reader, signal, {
    seconds: timeout ?? readSpan(DEFAULT_WAIT),
    look: (now) => {
      const line = lineOf(makeTree(now));
      if (line !== told) console.error((told = line));
      return settled(now, written.metadata.generation ?? 0, plan?.to);
    },
    overdue: () => (told.startsWith('Pending') ? OPERATOR_HINT : `kubectl mdep get ${name} shows how it stands`),
  });
  console.log(`revision ${served.revision} (version ${served.version}) serves`);
}

/** The revision that serves, once everything is as asked; a StateError when it failed for good. */
function settled({ model }: ModelObjects, generation: number, to: number | undefined) {
  const { observedGeneration = 0, stable, conditions, phase, failedTarget } = model.status ?? {};
  if (observedGeneration < generation) return undefined;
  const ready = conditions?.find(({ type }) => type === 'Ready');
  if (phase === 'Failed' || (failedTarget !== undefined && failedTarget.revision === to)) {
    throw new StateError(ready?.message ?? `revision ${to} failed`);
  }
  const reached = to === undefined || stable?.revision === to;
  return reached && ready?.status === 'True' ? stable : undefined;
}
