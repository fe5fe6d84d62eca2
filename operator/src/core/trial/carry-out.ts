import { TRAFFIC_ANNOTATION } from '@modeldeployment/modelpack/traffic';
import type { IPod } from 'kubernetes-models/v1';
import type { Trial } from '../../api/modeldeployment.gen.ts';
import type { Action, Work } from '../actions.ts';
import { isDue } from '../objects/admission.ts';
import { isTerminating, revisionOfPod } from '../diagnose.ts';
import { canaryName, LABEL, ownerReference } from '../names.ts';
import { isLeaky, putBackNote, templatePart } from '../revisions/held.ts';
import { makeDisruptionBudget, makePreview, makeService } from '../resources/children.ts';
import { handOverPatch, makeCanary, releasePatch, replicasPart, restoreCanary } from '../resources/deployment.ts';
import { type PatchOperation } from '../objects/patch.ts';
import type { World } from '../world.ts';
import { needsWrite } from '../objects/written.ts';
import type { Course, Reach } from './facts.ts';
import { setOnTrial, twinsOf } from './gather.ts';
import type { Move } from './decision.ts';
import { weighRoutes } from './routes.ts';
import { trafficOf, trafficText } from './traffic.ts';

/** The writes of one move. `trial` is undefined when something of an earlier one is tidied up. */
export function carryOut(world: World, move: Move, trial: Trial | undefined, course: Course | undefined): Action[] {
  const { model, deployment, canary } = world;
  const revision = world.revisions.find(({ number }) => number === trial?.revision);
  switch (move.move) {
    case 'reach':
      return reach(world, move.to, trial);
    case 'bringUp':
      if (revision === undefined) return [];
      return canary === undefined ? [createCanary(world, revision, move.replicas)] : scaleCanary(world, move.replicas);
    case 'preview': {
      const object = makePreview(model, trial?.revision ?? 0);
      return [{ do: 'create', kind: 'Service', object, because: 'the pods on trial by themselves' }];
    }
    case 'announce':
      return course === undefined || trial === undefined
        ? []
        : annotate(world, trafficText(world, trial, course), (pod) => revisionOfPod(pod) === trial.from);
    case 'hush':
      return annotate(world, undefined, () => true);
    case 'weigh':
      return weighRoutes(world, course);
    case 'unweigh':
      return weighRoutes(world, undefined);
    case 'takeAway':
      return takeAway(world);
    case 'coOwn':
      return coOwn(world);
    case 'dropTwin':
      return twinsOf(world, trial?.revision ?? 0).map(({ metadata }) => ({
        do: 'delete',
        kind: 'ReplicaSet',
        name: metadata?.name ?? '',
        uid: metadata?.uid ?? '',
        because: 'it is empty, and would be filled instead of the one with the pods on trial',
      }));
    case 'handOver':
      if (deployment === undefined || canary === undefined || revision === undefined) return [];
      return [
        patch(
          model.name,
          handOverPatch(world, deployment, canary, revision),
          `revision ${revision.number} takes over with its pods`,
        ),
      ];
    case 'orphan':
      return canary === undefined
        ? []
        : [{ ...deletion('Deployment', canary.metadata, 'its pods are handed over'), propagation: 'Orphan' }];
    case 'release': {
      const operations = deployment === undefined ? [] : releasePatch(world, deployment);
      return operations.length === 0 ? [] : [patch(model.name, operations, 'the hand-over is done')];
    }
  }
}

type Meta = { name?: string; uid?: string } | undefined;
const deletion = (kind: 'Deployment' | 'Service', metadata: Meta, because: string): Action & { do: 'delete' } => ({
  do: 'delete',
  kind,
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
  because,
});
const patch = (name: string, operations: PatchOperation[], because: string): Action => ({
  do: 'patch',
  kind: 'Deployment',
  name,
  operations,
  because,
});

/** The Service and the disruption budget that protects whom it reaches. */
function reach(world: World, to: Reach, trial: Trial | undefined): Action[] {
  const { model, service, disruptionBudget } = world;
  const revision =
    to === 'all' ? undefined : to === 'target' ? trial?.revision : (trial?.from ?? model.status.stable?.revision);
  const because =
    revision === undefined ? 'every pod of the model gets requests' : `requests go to pods of revision ${revision}`;
  const wanted = { Service: makeService(model, revision), PodDisruptionBudget: makeDisruptionBudget(model, revision) };
  const selects = (labels: Record<string, string> | undefined): boolean =>
    labels?.[LABEL.revision] === (revision === undefined ? undefined : String(revision));
  const actions: Action[] = [];
  if (!selects(service?.spec?.selector) && needsWrite(world, 'Service', service, wanted.Service))
    actions.push({ do: 'apply', kind: 'Service', object: wanted.Service, because });
  const budget = wanted.PodDisruptionBudget;
  if (
    !selects(disruptionBudget?.spec?.selector?.matchLabels) &&
    needsWrite(world, 'PodDisruptionBudget', disruptionBudget, budget)
  )
    actions.push({ do: 'apply', kind: 'PodDisruptionBudget', object: budget, because });
  return actions;
}

function createCanary(world: World, revision: World['revisions'][number], replicas: number): Action {
  const object = makeCanary(world.model, world.model.spec, revision, replicas);
  const because = `revision ${revision.number} on trial with ${replicas} ${replicas === 1 ? 'pod' : 'pods'}`;
  return { do: 'create', kind: 'Deployment', object, because };
}

function scaleCanary(world: World, replicas: number): Action[] {
  const { canary, model } = world;
  if (canary === undefined || !isDue(world, replicasPart(canary, replicas))) return [];
  const operations: PatchOperation[] = [{ op: 'add', path: '/spec/replicas', value: replicas }];
  return [patch(canaryName(model.name), operations, `${replicas} pods on trial`)];
}

/** What somebody else made of the pods on trial is put back: what is judged, and promoted, is the revision. */
export function putBackTrial(world: World, work: Work): void {
  const { canary, model } = world;
  const { trial } = model.status;
  const revision = world.revisions.find(({ number }) => number === trial?.revision);
  if (trial === undefined || revision === undefined || canary === undefined || isTerminating(canary)) return;
  // One of an earlier trial is taken away, what is handed over is let go.
  const isOther = canary.spec?.selector.matchLabels?.[LABEL.revision] !== String(revision.number);
  if (isOther || trial.phase === 'HandingOver' || trial.phase === 'Ending') return;
  const isEdited = isDue(world, templatePart(canary, revision)) && !isLeaky(canary, revision);
  const operations = restoreCanary(world, canary, isEdited ? revision : undefined);
  if (operations.length === 0) return;
  const name = canaryName(model.name);
  const note = isEdited ? putBackNote(name, revision) : 'admission has paused it';
  work.alone.push(patch(name, operations, note));
  if (isEdited) work.events.push({ type: 'Warning', reason: 'ManualEditReverted', note, deployment: name });
}

/** Writes (or, undefined, removes) the traffic annotation of serving pods that say something else. */
function annotate({ pods }: World, text: string | undefined, who: (pod: IPod) => boolean): Action[] {
  const path = `/metadata/annotations/${TRAFFIC_ANNOTATION.replace('/', '~1')}`;
  return pods
    .filter((pod) => !isTerminating(pod) && who(pod) && trafficOf(pod) !== text)
    .map((pod) => ({
      do: 'patch',
      kind: 'Pod',
      name: pod.metadata?.name ?? '',
      operations: [text === undefined ? { op: 'remove', path } : { op: 'add', path, value: text }],
      because: text === undefined ? 'it answers by itself again' : `it forwards as ${text} says`,
    }));
}

function takeAway({ canary, preview }: World): Action[] {
  const because = 'nothing is on trial any more';
  return [
    // Whoever sees it gone may reach all pods of the model again.
    ...(canary === undefined || isTerminating(canary)
      ? []
      : [{ ...deletion('Deployment', canary.metadata, because), propagation: 'Foreground' as const }]),
    ...(preview === undefined ? [] : [deletion('Service', preview.metadata, because)]),
  ];
}

/** Between two Deployments the ReplicaSet has no controller; with a second owner a deletion of the model still takes it along. */
function coOwn(world: World): Action[] {
  const set = setOnTrial(world);
  if (set === undefined) return [];
  const reference = { ...ownerReference(world.model), controller: false };
  return [
    {
      do: 'patch',
      kind: 'ReplicaSet',
      name: set.metadata?.name ?? '',
      operations: [{ op: 'add', path: '/metadata/ownerReferences/-', value: reference }],
      because: 'it is never without an owner while it is handed over',
    },
  ];
}
