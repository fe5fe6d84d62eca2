import type { IDeployment } from 'kubernetes-models/apps/v1';
import { ANNOTATION, type Owner, childLabels, ownerReference, podSelector } from '../names.ts';
import { covers } from '../covers.ts';
import type { Revision } from '../revision.ts';
import type { FullSpec } from '../../api/defaults.ts';

/** The stable Deployment: one object for life, so that `kubectl rollout` means something. */
export function makeDeployment(owner: Owner, spec: FullSpec, revision: Revision): IDeployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: owner.name,
      namespace: owner.namespace,
      labels: childLabels(owner.name),
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

/** What of a Deployment follows the spec without making a revision. */
function deploymentSettings(spec: FullSpec) {
  return {
    replicas: spec.replicas,
    revisionHistoryLimit: spec.revisionHistoryLimit,
    progressDeadlineSeconds: spec.rollout.progressDeadlineSeconds,
    strategy: { type: 'RollingUpdate' as const, rollingUpdate: spec.rollout.rollingUpdate },
  };
}

/** Our numbers drift from the Deployment's own, so its history names the model's version and digest. */
function changeCause(revision: Revision): string {
  return `revision ${revision.number}: version ${revision.version} ${revision.uri} ${revision.digest}`;
}

export interface PatchOperation {
  op: 'add' | 'replace' | 'test' | 'remove';
  path: string;
  value?: unknown;
}

/**
 * JSON patch that brings a live Deployment to `revision` (when given) and to the settings of the spec; empty when
 * there is nothing to do. The template is replaced as a whole: a server-side apply would merge the entries of an
 * undone revision into it. resourceVersion makes a change in between answer 409.
 */
export function patchDeployment(live: IDeployment, spec: FullSpec, revision: Revision | undefined): PatchOperation[] {
  const operations: PatchOperation[] = [];
  if (revision !== undefined) {
    operations.push(
      { op: 'replace', path: '/spec/template', value: revision.template },
      {
        op: 'add',
        path: '/metadata/annotations',
        value: { ...live.metadata?.annotations, [ANNOTATION.changeCause]: changeCause(revision) },
      },
    );
  }
  for (const [field, wanted] of Object.entries(deploymentSettings(spec))) {
    if (!covers((live.spec as unknown as Record<string, unknown>)[field], wanted)) {
      operations.push({ op: 'add', path: `/spec/${field}`, value: wanted });
    }
  }
  if (operations.length === 0) return [];
  return [{ op: 'replace', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion }, ...operations];
}
