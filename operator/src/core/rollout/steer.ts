import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { Action, PlannedEvent } from '../actions.ts';
import type { Aim } from '../targeting/aim.ts';
import { editsOf, isPutOff } from '../objects/admission.ts';
import {
  heldRevision,
  isLeaky,
  isMovedByHand,
  labelledRevision,
  putBackNote,
  templatePart,
  writtenRevision,
} from '../revisions/held.ts';
import { makeDeployment, patchDeployment, sayWritten } from '../resources/deployment.ts';
import { unchanged } from '../objects/patch.ts';
import type { Revision } from '../revisions/revision.ts';
import type { Rollback, SpecTarget } from '../targeting/target.ts';
import type { World } from '../world.ts';

export interface Steering {
  actions: Action[];
  events: PlannedEvent[];
  /** The Deployment holds `effective` after these actions. */
  deployed: boolean;
  /** Somebody undid to the failed target: it is to be tried again. */
  forgive?: boolean;
}

/**
 * Brings the Deployment to `effective`, or understands that a person has moved it. It says itself what we wrote
 * last: when it holds something else although that is still wanted, somebody else changed it.
 */
export function steer(world: World, aim: Aim, target: SpecTarget, rollback: Rollback): Steering {
  const { model, deployment } = world;
  const { effective } = aim;
  if (deployment === undefined) {
    const object = makeDeployment(model, model.spec, effective);
    const because = `serving revision ${effective.number}`;
    return { actions: [{ do: 'create', kind: 'Deployment', object, because }], events: started(aim), deployed: true };
  }
  const held = heldRevision(world, deployment);
  // A hand-over is the business of the trial: it pauses the Deployment and widens its bounds.
  if (model.status.trial?.phase === 'HandingOver') return { actions: [], events: [], deployed: true };
  if (held?.number === effective.number) {
    if (isLeaky(deployment, held) && isAgain(world, held))
      return { actions: patch(world, held, RENDERED_ANEW), events: [], deployed: true };
    if (isMovedByHand(world, held)) return { actions: take(world, deployment, held), events: [], deployed: true };
    return { actions: followSettings(world), events: [], deployed: true };
  }
  if (isPutOff(world, templatePart(deployment, effective))) {
    return { actions: followSettings(world), events: [], deployed: false };
  }
  if (writtenRevision(world) !== effective.number) {
    return { actions: patch(world, effective, rolloutReason(aim)), events: started(aim), deployed: true };
  }
  return byHand(world, aim, target, rollback, held);
}

const take = ({ model }: World, live: IDeployment, held: Revision): Action[] => [
  {
    do: 'patch',
    kind: 'Deployment',
    name: model.name,
    operations: [unchanged(live), sayWritten(live, held)],
    because: `it was moved to revision ${held.number} by hand, which is wanted`,
  },
];

const RENDERED_ANEW = "a user's image beside credentials or a claim is not rolled out again: our own fetches";

/** It is about to be rolled out again: from no pods at all, or by a person's undo. What serves as it was recorded is left alone. */
const isAgain = (world: World, { number }: Revision): boolean =>
  world.deployment?.spec?.replicas === 0 || writtenRevision(world) !== number;

/** Which fields were changed, and by whom, compared with the revision that the template says it is of. */
function editOf(world: World, { effective }: Aim): string {
  const { deployment, revisions } = world;
  if (deployment === undefined) return '';
  const number = labelledRevision(deployment);
  const recorded = revisions.find((revision) => revision.number === number) ?? effective;
  const { changes, manager = 'unknown manager' } = editsOf(world, templatePart(deployment, recorded));
  return ` (${changes.join(', ')}, by ${manager})`;
}

/** A person changed the template: an undo is adopted or taken back by policy, never silently. */
function byHand(world: World, aim: Aim, target: SpecTarget, rollback: Rollback, held: Revision | undefined): Steering {
  const { model } = world;
  if (held === undefined) {
    const why = putBackNote(model.name, aim.effective, editOf(world, aim));
    return takeBack(world, aim, 'ManualEditReverted', why);
  }
  const undo = `kubectl rollout undo to revision ${held.number}`;
  const objection = objectionTo(held, world, rollback);
  if (objection !== undefined)
    return takeBack(world, aim, 'ManualUndoReverted', `${undo} was taken back, ${objection}`);
  if (held.number === aim.wanted.number && aim.failed !== undefined) {
    return { actions: [], events: adopted(`${undo} tries the failed revision again`), deployed: true, forgive: true };
  }
  if (model.status.trial?.phase === 'Switched') return backToKept(world, aim, undo);
  // The spec's own revision is still being resolved under another rollback: look again when its number is known.
  if (target.kind !== 'existing') return { actions: [], events: [], deployed: false };
  const from = target.revision.number;
  const isTarget = from === held.number;
  const note = isTarget
    ? `${undo} adopted: spec.rollbackTo is removed`
    : `${undo} adopted: spec.rollbackTo now says revision ${held.number} instead of ${from}, until spec.model changes`;
  const action: Action = {
    do: 'rollbackTo',
    value: isTarget ? undefined : { revision: held.number, from },
    deploymentVersion: world.deployment?.metadata?.resourceVersion,
    because: note,
  };
  return { actions: [action], events: adopted(note), deployed: false };
}

/** All requests go to the revision on trial, and the Deployment still has the pods from before: those are meant. */
function backToKept(world: World, { effective, wanted }: Aim, undo: string): Steering {
  const note = `${undo} adopted: the requests go back from revision ${wanted.number} to revision ${effective.number}, whose pods are still there; spec.rollbackTo says so until spec.model changes`;
  const value = { revision: effective.number, from: wanted.number };
  const actions: Action[] = [
    ...patch(world, effective, note),
    { do: 'rollbackTo', value, deploymentVersion: undefined, because: note },
  ];
  return { actions, events: adopted(note), deployed: true };
}

const adopted = (note: string): PlannedEvent[] => [{ type: 'Normal', reason: 'ManualUndoAdopted', note }];

function takeBack(world: World, aim: Aim, reason: 'ManualUndoReverted' | 'ManualEditReverted', why: string): Steering {
  return {
    actions: patch(world, aim.effective, why),
    events: [{ type: 'Warning', reason, note: why, deployment: world.model.name }],
    deployed: true,
  };
}

/** Why an undo to this revision cannot stand, in words; undefined when it can. */
function objectionTo(held: Revision, { model }: World, rollback: Rollback): string | undefined {
  if (held.condemned !== undefined) {
    return `because that revision failed: ${held.condemned}; to try it again set spec.rollout.action to Retry`;
  }
  if (model.spec.rollout.onManualUndo === 'Revert') return 'because spec.rollout.onManualUndo is Revert';
  if (rollback.kind === 'active' && !model.ownsRollbackTo) {
    return `because spec.rollbackTo holds revision ${rollback.revision.number}; change or remove it instead`;
  }
  return undefined;
}

/** Replicas, bounds and deadlines follow the spec at any time, whatever revision serves. */
export const followSettings = (world: World): Action[] => patch(world, undefined, 'its settings follow the spec');

function patch(world: World, revision: Revision | undefined, because: string): Action[] {
  if (world.deployment === undefined) return [];
  const operations = patchDeployment(world, world.deployment, revision);
  return operations.length === 0
    ? []
    : [{ do: 'patch', kind: 'Deployment', name: world.model.name, operations, because }];
}

function rolloutReason({ wanted, effective, failed }: Aim): string {
  if (effective.number === wanted.number) return `rolling out revision ${wanted.number}`;
  const why = failed === undefined ? `comes after a trial` : `failed (${failed.reason})`;
  return `revision ${wanted.number} ${why}, going back to revision ${effective.number}`;
}

function started(aim: Aim): PlannedEvent[] {
  const { effective, wanted } = aim;
  const note = `${rolloutReason(aim)}: version ${effective.version}, ${effective.digest}`;
  return [
    effective.number === wanted.number || aim.failed === undefined
      ? { type: 'Normal', reason: 'RolloutStarted', note }
      : { type: 'Warning', reason: 'RolledBack', note },
  ];
}
