import type { Trial } from '../../api/modeldeployment.gen.ts';
import { change, type Decision, type Move, moves, type OnTrial, record, takeOff } from './decision.ts';
import type { Reach } from './facts.ts';

/** How a trial ends: its pods become the serving ones, or it is taken away. */

/**
 * A Service moves new connections only, and clients keep theirs for hours: the pods from before pass on what still comes
 * to them, until they are gone. They begin first, so that nobody sees one version on a kept connection and the other on a new one.
 */
export function takeAll({ service, announced }: OnTrial): (Move | false)[] {
  return [!announced && { move: 'announce' }, service !== 'target' && { move: 'reach', to: 'target' }];
}

const reachOf = (trial: Trial): Reach => (trial.weight === 100 ? 'target' : 'all');

export function promoting(facts: OnTrial): Decision {
  const { canary, set, coOwned, twin, service, hushed, trial, routes, pausedByUser } = facts;
  if (canary === undefined || set !== 'canary') return takeOff(facts);
  if (pausedByUser) return moves();
  const reach = reachOf(trial);
  const unweigh: Move | false = !routes.plain && { move: 'unweigh' };
  // A small trial must not get both its share and what is forwarded.
  const served: (Move | false)[] =
    reach === 'all'
      ? [!hushed && { move: 'hush' }, unweigh, service !== reach && { move: 'reach', to: reach }]
      : [...takeAll(facts), unweigh];
  const needed: (Move | false)[] = [...served, !coOwned && { move: 'coOwn' }, twin && { move: 'dropTwin' }];
  return needed.some((move) => move !== false) ? moves(...needed) : change(facts, { phase: 'HandingOver' });
}

/** From here on nothing turns back: the Deployment is paused by us, and only its end leaves it in order. */
export function handingOver(facts: OnTrial): Decision {
  const { canary, main, set, trial, failed, hushed, target, trialReady, least } = facts;
  if (canary !== undefined) {
    const taken = main.holds === trial.revision && main.paused;
    return moves(!taken && { move: 'handOver' }, { move: 'orphan' });
  }
  // The garbage collector lets go of it, and the Deployment controller adopts it, within a moment.
  if (set === 'nobody' || set === 'canary') return moves();
  if (main.paused || !main.bounded) return moves({ move: 'release' });
  // After a switch the old pods are gone before everybody is reached again; unless nobody wants any more what does not get there.
  const left = main.holds !== trial.revision || (target !== trial.revision && trialReady < least);
  const settled = main.complete || reachOf(trial) === 'all' || failed || left;
  if (!settled) return moves();
  if (!hushed) return moves({ move: 'hush' });
  const lag = lagOf(facts);
  if (lag !== undefined) return { kind: 'moves', moves: [], waitUntil: lag };
  return record(undefined);
}

/** How long gateways are waited for that have not taken the restored routes yet; one that is dead must not hold us for ever. */
const GATEWAY_LAG_MS = 10_000;

/** Until when a gateway may still send requests to the Service of the pods on trial. */
function lagOf({ routes, trial, now }: OnTrial): number | undefined {
  const end = Date.parse(trial.since) + GATEWAY_LAG_MS;
  return routes.seen || now >= end ? undefined : end;
}

export function ending(facts: OnTrial): Decision {
  const { canary, remains, preview, service, hushed, main, trial, stableReady, routes } = facts;
  // A person's undo replaces the serving pods already: those that come must be reached as well.
  const reach: Reach = main.holds === trial.from && stableReady > 0 ? 'stable' : 'all';
  const back: (Move | false)[] = [
    service !== reach && canary !== undefined && { move: 'reach', to: reach },
    !hushed && { move: 'hush' },
    !routes.plain && { move: 'unweigh' },
  ];
  const lag = lagOf(facts);
  if (!routes.plain) return moves(...back);
  if (lag !== undefined) return { ...moves(...back), waitUntil: lag };
  const needed: (Move | false)[] = [...back, (canary !== undefined || preview) && { move: 'takeAway' }];
  if (needed.some((move) => move !== false)) return moves(...needed);
  return remains || preview ? moves() : record(undefined);
}
