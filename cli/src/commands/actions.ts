import { visible } from '@modeldeployment/modelpack/foreign-text';
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { type LiveModel, MODEL_DEPLOYMENTS, type ModelDeploymentStatus } from '@modeldeployment/operator';
import { StateError } from '../errors.ts';
import { follow, withModelObjects } from '../kube/find.ts';
import type { ModelObjectsReader } from '../kube/reader.ts';
import { type Session, withSession } from '../kube/session.ts';
import { OPERATOR_SELECTOR } from '../kube/serving-image.ts';
import { accessOf, readName, readSpan } from './access.ts';

interface Options {
  wait?: true;
  timeout?: number;
}

interface ActionCommand {
  name: string;
  type: 'Promote' | 'Pause' | 'Resume' | 'Abort' | 'Retry' | 'Refresh';
  description: string;
  /** It means something only while a revision is on trial. */
  ofTrial: boolean;
}

const COMMANDS: readonly ActionCommand[] = [
  {
    name: 'promote',
    type: 'Promote',
    ofTrial: true,
    description: 'roll the revision on trial out, without the steps that are left',
  },
  { name: 'pause', type: 'Pause', ofTrial: true, description: 'let the trial stay where it is until resume' },
  { name: 'resume', type: 'Resume', ofTrial: true, description: 'go on with the next step of the trial' },
  { name: 'abort', type: 'Abort', ofTrial: true, description: 'take the revision on trial back' },
  { name: 'retry', type: 'Retry', ofTrial: false, description: 'try a target that failed again' },
  {
    name: 'refresh',
    type: 'Refresh',
    ofTrial: false,
    description: 'make a new revision of the same model with the serving image of the operator',
  },
];

/** How long the operator may take to do as it is told, before one doubts that it is there. */
const DEFAULT_WAIT = '60s';

export const OPERATOR_HINT = `is the operator running? kubectl get pods -A -l ${OPERATOR_SELECTOR}`;

export function addActions(program: Command, signal: AbortSignal): void {
  for (const action of COMMANDS) {
    program
      .command(action.name)
      .description(action.description)
      .argument('<name>', 'the ModelDeployment', readName)
      .option('--wait', 'wait until the operator has done it, and print what came of it')
      .option('--timeout <span>', `how long to wait (default: ${DEFAULT_WAIT})`, readSpan)
      .action((name: string, options: Options, command: Command) =>
        withSession(accessOf(command), (session) =>
          withModelObjects(session, name, (reader, { model }) => act(session, reader, model, action, options, signal)),
        ),
      );
  }
}

async function act(
  { client }: Session,
  reader: ModelObjectsReader,
  model: LiveModel,
  { type, ofTrial }: ActionCommand,
  { wait, timeout }: Options,
  signal: AbortSignal,
): Promise<void> {
  if (ofTrial) requireTrial(model);
  const { name } = model.metadata;
  const id = actionId(type, new Date());
  await client.mergePatch(MODEL_DEPLOYMENTS, model.metadata, { spec: { rollout: { action: { type, id } } } });
  if (wait !== true) return console.log(`${type} of ${name} asked for (id ${id})`);
  const done = await follow(reader, signal, {
    seconds: timeout ?? readSpan(DEFAULT_WAIT),
    look: ({ model: { status } }) => (status?.lastAction?.id === id ? status.lastAction : undefined),
    overdue: () => OPERATOR_HINT,
  });
  console.log(visible(`${type} of ${name}: ${done.message ?? 'done'}`));
}

/** An action is done once per id: one that no other has. At most 64 characters. */
export const actionId = (type: string, now: Date): string =>
  `${type.toLowerCase()}-${now.toISOString().replace(/[-:]|\.\d+Z$/g, '')}-${randomBytes(3).toString('hex')}`;

/** Refuses what could only be a slip. While the operator has yet to see the spec, a trial may be about to begin. */
function requireTrial({ metadata, status = {} }: LiveModel): void {
  if (status.trial !== undefined || status.observedGeneration !== metadata.generation) return;
  const { name } = metadata;
  throw new StateError(`${name} has no revision on trial: ${standing(status)}; kubectl mdep get ${name} shows more`);
}

const standing = ({ stable, phase = 'Pending' }: ModelDeploymentStatus): string =>
  stable === undefined ? `it is ${phase}` : `revision ${stable.revision} serves, it is ${phase}`;
