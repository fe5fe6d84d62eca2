import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { PlannedEvent } from '../actions.ts';
import type { Situation } from '../status/situation.ts';
import type { World } from '../world.ts';

/** How many outputs are named, and how much of what anybody may have called them. */
const TOLD = 5;
const LONGEST_NAME = 100;

type Knows = Pick<World, 'warmups'> & { model: Pick<World['model'], 'status'> };

/**
 * Outputs of a revision that had a NaN or an infinity for requests made up for its warm-up, in words; undefined while none is
 * known. It is advice: such a request may be senseless, so nothing is decided by it. The words that are recorded stay, whichever
 * pods are asked later.
 */
export function nonFiniteOf({ warmups, model }: Knows, revision: number): string | undefined {
  const recorded = model.status.revisions?.find((one) => one.revision === revision)?.nonFinite;
  if (recorded !== undefined) return recorded;
  const found = warmups.filter((one) => one.revision === revision).flatMap(({ nonFinite }) => nonFinite);
  const names = new Set(found.map(({ signature, output }) => `${cut(output)} of ${cut(signature)}`));
  if (names.size === 0) return undefined;
  const more = names.size > TOLD ? ` and ${names.size - TOLD} more` : '';
  return `${[...names].slice(0, TOLD).join(', ')}${more}`;
}

const cut = (name: string): string => name.slice(0, LONGEST_NAME);

/** What there is to say of the revisions that serve or are to; undefined when there is nothing. */
export function nonFiniteWords(world: Knows & Pick<World, 'revisions'>, situation: Situation): string | undefined {
  const aim = situation.kind === 'serving' ? situation.aim : undefined;
  const stable = world.model.status.stable?.revision;
  const numbers = new Set(aim === undefined ? [stable ?? 0] : [aim.wanted.number, aim.effective.number]);
  const told = [...numbers].flatMap((number) => {
    const outputs = nonFiniteOf(world, number);
    if (outputs === undefined) return [];
    const version = world.revisions.find((revision) => revision.number === number)?.version;
    return [`revision ${number}${version === undefined ? '' : ` (version ${version})`}: ${outputs}`];
  });
  if (told.length === 0) return undefined;
  return `NaN or an infinity in answers to requests made up for the warm-up: ${told.join('; ')}; look for damaged weights, or put requests into the model's warmup.json`;
}

/** Told once for each revision, with the status that begins to say so. */
export function warmupEvents(before: ModelDeploymentStatus, next: ModelDeploymentStatus | undefined): PlannedEvent[] {
  const of = (status: ModelDeploymentStatus | undefined) =>
    status?.conditions?.find(({ type, status: is }) => type === 'NonFiniteOutputs' && is === 'True');
  const said = of(next);
  const recorded = new Set((before.revisions ?? []).filter((one) => one.nonFinite !== undefined).map(keyOf));
  const fresh = (next?.revisions ?? []).filter((one) => one.nonFinite !== undefined && !recorded.has(keyOf(one)));
  if (said === undefined || fresh.length === 0) return [];
  return [{ type: 'Warning', reason: 'NonFiniteOutputs', note: said.message }];
}

const keyOf = ({ revision, nonFinite }: { revision: number; nonFinite?: string }): string => `${revision} ${nonFinite}`;
