import type { IDeployment } from 'kubernetes-models/apps/v1';
import { ANNOTATION, LABEL, type Owner, canaryName, childLabels, ownerReference, podSelector } from '../names.ts';
import { isAsWritten, isDue, isRecorded, type Part, partName } from '../objects/admission.ts';
import { templatePart } from '../revisions/held.ts';
import type { World } from '../world.ts';
import { type PatchOperation, unchanged } from '../objects/patch.ts';
import type { Revision } from '../revisions/revision.ts';
import type { FullSpec } from '../../api/defaults.ts';

/** The stable Deployment: one object for life, so that `kubectl rollout` means something. */
export function makeDeployment(owner: Owner, spec: FullSpec, revision: Revision): IDeployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: owner.name,
      namespace: owner.namespace,
      labels: labelsOf(owner.name, revision),
      annotations: { [ANNOTATION.changeCause]: changeCause(revision) },
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      ...deploymentSettings(spec),
      selector: { matchLabels: podSelector(owner.name) },
      template: revision.template,
    },
  };
}

const labelsOf = (model: string, { number }: Revision): Record<string, string> => ({
  ...childLabels(model),
  [LABEL.revision]: String(number),
});

/** The Deployment of the pods on trial; it exists only while there is one. Its template is that of the stable one to the byte. */
export function makeCanary(owner: Owner, spec: FullSpec, revision: Revision, replicas: number): IDeployment {
  const stable = makeDeployment(owner, spec, revision);
  return {
    ...stable,
    metadata: { ...stable.metadata, name: canaryName(owner.name) },
    spec: {
      ...deploymentSettings(spec),
      replicas,
      // Narrower than the stable one's: without the revision it would take the pods of everybody.
      selector: { matchLabels: podSelector(owner.name, revision.number) },
      template: revision.template,
    },
  };
}

/** What of a Deployment follows the spec without making a revision. */
function deploymentSettings(spec: FullSpec) {
  return {
    replicas: spec.replicas,
    revisionHistoryLimit: spec.revisionHistoryLimit,
    progressDeadlineSeconds: spec.rollout.progressDeadlineSeconds,
    strategy: { type: 'RollingUpdate' as const, rollingUpdate: spec.rollout.rollingUpdate },
  };
}

/** The live Deployment has the bounds of the spec. */
export const isBounded = (world: World, live: IDeployment): boolean =>
  isAsWritten(world, settingPart(live, 'strategy', deploymentSettings(world.model.spec).strategy));

/** The replicas of the Deployment of a trial. */
export const replicasPart = (live: IDeployment, replicas: number): Part => settingPart(live, 'replicas', replicas);

const settingPart = ({ metadata, spec }: IDeployment, field: string, rendered: unknown): Part => ({
  name: partName('Deployment', metadata?.name, `spec.${field}`),
  rendered,
  live: (spec as Record<string, unknown> | undefined)?.[field],
});

/** Our numbers drift from the Deployment's own, so its history names the model's version and digest. */
function changeCause(revision: Revision): string {
  return `revision ${revision.number}: version ${revision.version} ${revision.uri} ${revision.digest}`;
}

/**
 * JSON patch that brings a live Deployment to `revision` (when given) and to the settings of the spec; empty when
 * there is nothing to do. The template is replaced as a whole: a server-side apply would merge the entries of an
 * undone revision into it. resourceVersion makes a change in between answer 409.
 */
export function patchDeployment(world: World, live: IDeployment, revision: Revision | undefined): PatchOperation[] {
  const operations = revision === undefined ? [] : retemplate(live, revision, revision.template);
  for (const [field, wanted] of Object.entries(deploymentSettings(world.model.spec))) {
    if (isDue(world, settingPart(live, field, wanted)))
      operations.push({ op: 'add', path: `/spec/${field}`, value: wanted });
  }
  operations.push(...resume(world, live));
  return operations.length === 0 ? [] : [unchanged(live), ...operations];
}

/** A person's pause is theirs; one that admission wrote is nobody's. */
function resume(world: World, live: IDeployment): PatchOperation[] {
  const paused = settingPart(live, 'paused', false);
  const isOurs = live.spec?.paused === true && isRecorded(world, paused.name) && isDue(world, paused);
  return isOurs ? [{ op: 'add', path: '/spec/paused', value: false }] : [];
}

/** Which revision we wrote last, for the next pass. */
export const sayWritten = ({ metadata }: IDeployment, { number }: Revision): PatchOperation => ({
  op: 'add',
  path: '/metadata/labels',
  value: { ...metadata?.labels, [LABEL.revision]: String(number) },
});

function retemplate(live: IDeployment, revision: Revision, template: unknown): PatchOperation[] {
  const annotations = { ...live.metadata?.annotations, [ANNOTATION.changeCause]: changeCause(revision) };
  return [
    { op: 'replace', path: '/spec/template', value: template },
    sayWritten(live, revision),
    { op: 'add', path: '/metadata/annotations', value: annotations },
  ];
}

/**
 * Makes the stable Deployment ready to adopt the pods on trial: their template to the byte, paused, so that it makes no
 * ReplicaSet of its own, and with room for all of them, because a paused Deployment still scales what it adopts
 * (proportionally: with the ordinary surge 10 + 5 pods fell to 7 ready).
 */
export function handOverPatch(
  world: World,
  live: IDeployment,
  canary: IDeployment,
  revision: Revision,
): PatchOperation[] {
  const size = canary.spec?.replicas ?? 1;
  const room = { type: 'RollingUpdate', rollingUpdate: { maxSurge: Math.max(1, size), maxUnavailable: 0 } };
  return [
    unchanged(live),
    // As admission left it. What somebody else made of it is not handed over: then the pods are replaced.
    ...retemplate(
      live,
      revision,
      isAsWritten(world, templatePart(canary, revision)) ? canary.spec?.template : revision.template,
    ),
    { op: 'add', path: '/spec/paused', value: true },
    { op: 'add', path: '/spec/strategy', value: room },
  ];
}

/** The hand-over is done: it may roll on, within the bounds of the spec. */
export function releasePatch(world: World, live: IDeployment): PatchOperation[] {
  const wanted = { paused: false, strategy: deploymentSettings(world.model.spec).strategy };
  const operations = Object.entries(wanted).flatMap(([field, value]): PatchOperation[] =>
    isDue(world, settingPart(live, field, value)) ? [{ op: 'add', path: `/spec/${field}`, value }] : [],
  );
  return operations.length === 0 ? [] : [unchanged(live), ...operations];
}

/** Puts back what others, given a revision, or admission made of the Deployment of a trial. */
export function restoreCanary(world: World, live: IDeployment, edited: Revision | undefined): PatchOperation[] {
  const template = edited === undefined ? [] : retemplate(live, edited, edited.template);
  const operations = [...template, ...resume(world, live)];
  return operations.length === 0 ? [] : [unchanged(live), ...operations];
}
