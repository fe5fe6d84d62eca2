import type { Tree } from './tree.ts';

/** What a person may want to do next; nothing where nothing waits for a person. */
export function hintsOf({ name, status, rollbackTo }: Tree): string[] {
  const { trial, failedTarget, phase } = status;
  const hints: string[] = [];
  if (trial?.paused === true) {
    hints.push(
      `kubectl mdep resume ${name} goes on with the next step, promote ${name} skips the rest, abort ${name} takes it back`,
    );
  }
  if (failedTarget !== undefined) {
    hints.push(`kubectl mdep retry ${name} tries revision ${failedTarget.revision} again; or apply another model`);
  }
  if (phase === 'Pinned' || (rollbackTo?.from !== undefined && phase === 'Ready')) {
    hints.push(`remove spec.rollbackTo (kubectl mdep undo ${name} --clear) to serve what spec.model asks for`);
  }
  if (phase === 'Paused') hints.push(`kubectl rollout resume deployment/${name} lets the rollout go on`);
  return hints;
}
