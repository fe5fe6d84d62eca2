import { change, type Decision, type Move, moves, type OnTrial, record, takeOff } from './decision.ts';
import type { Reach } from './facts.ts';

/** How a trial ends: its pods become the serving ones, or it is taken away. */

/**
 * A Service moves new connections only, and clients keep theirs for hours: the pods from before pass on what still comes
 * to them, until they are gone. They begin first, so that nobody sees one version on a kept connection and the other on a new one.
 */
export function takeAll(facts: OnTrial): (Move | false)[] {
  return [!facts.announced && { move: 'announce' }, lead(facts)];
}

/** It takes all requests, but nobody is led to pods of which none answers while others do. */
const reachOf = ({ trial, trialReady }: OnTrial): Reach => (trial.weight === 100 && trialReady > 0 ? 'target' : 'all');

const lead = (facts: OnTrial): Move | false =>
  facts.service !== reachOf(facts) && { move: 'reach', to: reachOf(facts) };

export function promoting(facts: OnTrial): Decision {
  const { canary, remains, set, coOwned, twin, hushed, trial, routes } = facts;
  const { pausedByUser, service, stableReady, trialReady } = facts;
  if (set === 'main') return takeOff(facts);
  // Somebody deleted them: they are made anew, or will be.
  if (canary === undefined) return moves(lead(facts), !remains && { move: 'bringUp', replicas: sizeOf(facts) });
  if (set !== 'canary') return moves(lead(facts));
  // A person's pause holds the hand-over up, but nobody's requests at pods that do not answer.
  if (pausedByUser) return moves((service === 'stable' ? stableReady : trialReady) === 0 && lead(facts));
  const unweigh: Move | false = !routes.plain && { move: 'unweigh' };
  // A small trial must not get both its share and what is forwarded.
  const served: (Move | false)[] =
    trial.weight === 100 ? [...takeAll(facts), unweigh] : [!hushed && { move: 'hush' }, unweigh, lead(facts)];
  const needed: (Move | false)[] = [...served, !coOwned && { move: 'coOwn' }, twin && { move: 'dropTwin' }];
  return needed.some((move) => move !== false) ? moves(...needed) : change(facts, { phase: 'HandingOver' });
}

/** Pods with which it takes over. */
function sizeOf({ trial, course, replicas }: OnTrial): number {
  const step = course?.steps[Math.min(trial.step, course.steps.length) - 1];
  return trial.weight === 100 ? replicas : (step?.size ?? replicas);
}

/** From here on nothing turns back: the Deployment is paused by us, and only its end leaves it in order. */
export function handingOver(facts: OnTrial): Decision {
  const { canary, main, set, trial, hushed, trialReady, service } = facts;
  if (canary !== undefined) {
    const taken = main.holds === trial.revision && main.paused;
    return moves(!taken && { move: 'handOver' }, { move: 'orphan' });
  }
  if (wasNeverGiven(facts)) return takeOff(facts);
  // The Deployment takes away those that the Service reaches, or they died. Once all that answer are reached, it stays so.
  const lost = isUndone(facts) || trialReady === 0;
  const widen: Move | false = lost && service !== 'all' && { move: 'reach', to: 'all' };
  // The garbage collector lets go of it, and the Deployment controller adopts it, within a moment.
  if (set === 'nobody' || set === 'canary') return moves(widen);
  if (main.paused || !main.bounded) return moves(widen, { move: 'release' });
  if (!isSettled(facts)) return moves(widen);
  if (widen !== false || !hushed) return moves(widen, !hushed && { move: 'hush' });
  const lag = lagOf(facts);
  if (lag !== undefined) return { kind: 'moves', moves: [], waitUntil: lag };
  return record(undefined);
}

/** Somebody deleted the pods on trial before the Deployment was given their revision: it has no ReplicaSet of it. */
const wasNeverGiven = ({ main, trial, set, twin }: OnTrial): boolean =>
  main.holds === trial.from && !main.paused && set !== 'main' && !twin;

/** A person moved the Deployment to another revision after it was given the one on trial. */
const isUndone = ({ main, trial }: OnTrial): boolean => main.holds !== trial.revision;

/** After a switch the old pods are gone before everybody is reached again; unless nobody wants any more what does not get there. */
function isSettled(facts: OnTrial): boolean {
  const { main, trial, failed, target, trialReady, least } = facts;
  const left = isUndone(facts) || (target !== trial.revision && trialReady < least);
  return main.complete || trial.weight !== 100 || failed || left;
}

/** How long gateways are waited for that have not taken the restored routes yet; one that is dead must not hold us for ever. */
const GATEWAY_LAG_MS = 10_000;

/** Until when a gateway may still send requests to the Service of the pods on trial. */
function lagOf({ routes, trial, now }: OnTrial): number | undefined {
  const end = Date.parse(trial.since) + GATEWAY_LAG_MS;
  return routes.seen || now >= end ? undefined : end;
}

export function ending(facts: OnTrial): Decision {
  const { canary, remains, preview, service, hushed, main, trial, routes } = facts;
  // A person's undo replaces the serving pods already: those that come must be reached as well.
  const reach: Reach = main.holds === trial.from ? 'stable' : 'all';
  const back: (Move | false)[] = [
    service !== reach && (canary !== undefined || service === 'target') && { move: 'reach', to: reach },
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
