import { LABEL, type SpecTarget, specTarget, type World } from '@modeldeployment/operator';
import { StateError } from '../errors.ts';
import type { ModelObjects } from '../family.ts';

export interface Undo {
  /** Revision that is to serve. */
  to: number;
  /** What to write into spec.rollbackTo; null removes it, because spec.model asks for `to` already. */
  rollbackTo: { revision: number; from: number; digest: null } | null;
  /** Why that revision may fail. */
  warning: string | undefined;
}

/**
 * What `undo` writes: a rollback that counts until spec.model changes. Without `asked` it means what
 * `kubectl rollout undo` means: back to what was deployed before; while another revision is on its way, back to the one
 * that serves. A StateError when there is nothing to return to.
 */
export function planUndo(objects: ModelObjects, world: World, asked: number | undefined): Undo {
  const { model, revisions } = objects;
  const { name } = model.metadata;
  const target = specTarget(world);
  const to = asked ?? previousOf(objects, target);
  const known = revisions.map(({ number }) => number);
  const revision = revisions.find(({ number }) => number === to);
  if (to === undefined || revision === undefined) {
    const what = asked === undefined ? 'there is no revision to return to' : `there is no revision ${asked}`;
    throw new StateError(`${what}; the history of ${name} has ${known.join(', ') || 'none'}`);
  }
  if (target.kind === 'new') {
    throw new StateError(
      `what spec.model asks for is not recorded yet, so there is no number to return from; apply the manifest of revision ${to} (${revision.uri}@${revision.digest}) instead`,
    );
  }
  const from = target.revision.number;
  const { rollbackTo } = model.spec;
  if (to === from && rollbackTo === undefined) {
    throw new StateError(`spec.model asks for revision ${to} already; kubectl mdep get ${name} shows how it stands`);
  }
  return {
    to,
    rollbackTo: to === from ? null : { revision: to, from, digest: null },
    warning: revision.condemned === undefined ? undefined : `revision ${to} failed before: ${revision.condemned}`,
  };
}

function previousOf({ model, revisions, replicaSets }: ModelObjects, target: SpecTarget): number | undefined {
  const { stable, trial } = model.status ?? {};
  const wanted = target.kind === 'existing' ? target.revision.number : undefined;
  const rolledBack = model.spec.rollbackTo !== undefined;
  if (stable?.revision !== undefined && (trial !== undefined || (!rolledBack && stable.revision !== wanted))) {
    return stable.revision;
  }
  const good = new Set(
    revisions
      .filter(({ number, condemned, served }) => number !== stable?.revision && served && condemned === undefined)
      .map(({ number }) => number),
  );
  // The Deployment numbers its ReplicaSets anew with every rollout: the order in which revisions were deployed.
  const deployed = replicaSets
    .map(({ metadata: { labels, annotations } }) => ({
      revision: Number(labels?.[LABEL.revision]),
      order: Number(annotations?.['deployment.kubernetes.io/revision'] ?? 0),
    }))
    .filter(({ revision }) => good.has(revision))
    .sort((a, b) => b.order - a.order || b.revision - a.revision);
  return deployed[0]?.revision ?? Math.max(...good);
}
