import type { Trial, Verdict } from '../../api/modeldeployment.gen.ts';
import type { PlannedEvent, Work } from '../actions.ts';
import { judgeTrial, type TrialVerdict } from '../analysis/judge.ts';
import { noteVerdict } from '../judge.ts';
import type { World } from '../world.ts';
import { carryOut, putBackTrial } from './carry-out.ts';
import type { Course, TrialFacts } from './facts.ts';
import { gatherFacts, type Wish } from './gather.ts';
import { decideTrial } from './machine.ts';
import { heldBy } from './routes.ts';

export interface TrialOutcome {
  /** The trial as it is to be recorded; undefined when there is none. */
  trial: Trial | undefined;
  /** Only its state changed: nothing is to be taken for settled in this pass. */
  changed: boolean;
}

/** Words and counts of a verdict are written at most this often; what it comes to, at once. */
const VERDICT_EVERY_MS = 30_000;

/** How often a trial that waits for Gateway API looks for it. */
const GATEWAY_API_EVERY_MS = 10_000;

/** What the counters of the pods say of the revision on trial; undefined while it gets no requests. */
export function analyse({ model, reports, measurements }: World, revision: number): TrialVerdict | undefined {
  const { trial } = model.status;
  const isAsked = trial?.phase === 'Running' || trial?.phase === 'Switched';
  if (!isAsked || trial.revision !== revision) return undefined;
  const { analysis, shadow } = model.spec.rollout;
  const limits = trial.strategy === 'Shadow' ? { analysis, shadow } : { analysis };
  return judgeTrial({ revision, reports, measurements }, limits);
}

/** Takes the trial one step on: facts → decision → actions. Called in every pass, also when nothing is or was on trial. */
export function pursueTrial(
  world: World,
  work: Work,
  { analysis, ...wish }: Omit<Wish, 'passed'> & { analysis: TrialVerdict | undefined },
): TrialOutcome {
  const outcome = decided(world, work, { ...wish, passed: analysis?.result === 'Pass' });
  const begins = (phase: Trial['phase']): boolean =>
    outcome.trial?.phase === phase && world.model.status.trial?.phase !== phase;
  const revision = world.revisions.find(({ number }) => number === outcome.trial?.revision);
  hold(world, work, outcome.trial);
  putBackTrial(world, work);
  if (analysis !== undefined && revision !== undefined && (begins('Promoting') || begins('Ending')))
    work.steps.push([noteVerdict(revision, `${analysis.result}: ${analysis.message}`)]);
  if (outcome.trial === undefined || analysis === undefined) return outcome;
  return { ...outcome, trial: { ...outcome.trial, verdict: verdictOf(outcome.trial.verdict, analysis, world.now) } };
}

/** Told once, when it begins: the reason of Progressing says so from then on. */
function hold(world: World, work: Work, trial: Trial | undefined): void {
  const held = trial === undefined ? undefined : heldBy(world, trial);
  if (held === undefined) return;
  const told = world.model.status.conditions?.some(({ reason }) => reason === held.reason) === true;
  if (!told) work.events.push({ type: 'Warning', reason: 'TrialHeld', note: held.message });
  // That Gateway API is there now is no change of any object, and wakes nobody.
  if (held.reason === 'GatewayAPIUnavailable') work.requeueAfterMs.push(GATEWAY_API_EVERY_MS);
}

function verdictOf(before: Verdict | undefined, next: TrialVerdict, now: number): Verdict {
  const recent = before !== undefined && now - Date.parse(before.time) < VERDICT_EVERY_MS;
  if (recent && before.result === next.result) return before;
  return { ...next, time: new Date(now).toISOString() };
}

function decided(world: World, work: Work, wish: Wish): TrialOutcome {
  const { model } = world;
  const before = model.status.trial;
  const facts = gatherFacts(world, wish);
  const decision = decideTrial(facts);
  tellUnavailable(world, work, facts);
  if (wish.course !== undefined && (facts.deadInMs ?? 0) > 0) work.requeueAfterMs.push(facts.deadInMs ?? 0);
  if (decision.kind === 'record') {
    const dead = facts.stableDead ? model.status.stableUnavailable : undefined;
    work.events.push(...told(before, decision.trial, wish.course, dead));
    return { trial: decision.trial, changed: true };
  }
  for (const move of decision.moves) work.steps.push(carryOut(world, move, before, wish.course));
  if (decision.waitUntil !== undefined) work.requeueAfterMs.push(Math.max(0, decision.waitUntil - world.now));
  return { trial: before, changed: false };
}

const normal = (reason: PlannedEvent['reason'], note: string): PlannedEvent => ({ type: 'Normal', reason, note });

const saidOf = ({ verdict }: Trial): string => (verdict === undefined ? '' : `; ${verdict.message}`);

const diedOf = (dead: World['model']['status']['stableUnavailable']): string =>
  dead === undefined ? '' : `; revision ${dead.revision} has not answered since ${dead.since} (${dead.reason})`;

/** Told once, when it begins: status remembers it from then on. */
function tellUnavailable({ model }: World, work: Work, { trial, stableDead, deadInMs, stable }: TrialFacts): void {
  const isTried = trial?.phase === 'Starting' || trial?.phase === 'Running';
  if (!isTried || deadInMs === undefined || stableDead || model.status.stableUnavailable?.revision === stable) return;
  const note = `no pod of revision ${stable} answers, for a cause; in ${Math.round(deadInMs / 1000)} s it is dead, unless one does by then`;
  work.events.push({ type: 'Warning', reason: 'StableUnavailable', note });
}

/** What a person should hear of a change of the trial. */
function told(
  before: Trial | undefined,
  after: Trial | undefined,
  course: Course | undefined,
  dead: World['model']['status']['stableUnavailable'],
): PlannedEvent[] {
  if (after === undefined) return [];
  const name = `revision ${after.revision}`;
  if (before === undefined) {
    return [
      normal('TrialStarted', `${name} is on trial by ${after.strategy}; revision ${after.from} serves meanwhile`),
    ];
  }
  const events: PlannedEvent[] = [];
  if (after.phase !== before.phase) {
    if (after.phase === 'Running' && after.strategy !== 'Canary')
      events.push(
        normal('TrialStep', `${name} ${after.strategy === 'Shadow' ? 'gets copies of requests' : 'is ready'}`),
      );
    if (after.phase === 'Switched') {
      const keep = Math.round((course?.switchKeepMs ?? 0) / 1000);
      events.push(
        normal('TrialSwitched', `${name} gets all requests; the pods of revision ${after.from} are kept for ${keep} s`),
      );
    }
    if (after.phase === 'Promoting')
      events.push(normal('TrialPromoted', `${name} takes over with the pods it has${saidOf(before)}${diedOf(dead)}`));
    if (after.phase === 'Ending')
      events.push(normal('TrialEnded', `${name} is taken off trial; revision ${after.from} serves`));
  }
  const gives = after.phase === 'Running' && after.strategy === 'Canary';
  if (gives && (after.weight !== before.weight || before.phase !== 'Running')) {
    const step = `step ${after.step} of ${after.steps}`;
    events.push(normal('TrialStep', `${name} answers ${after.weight} % of the requests (${step})`));
  }
  if (after.paused === true && before.paused !== true)
    events.push(normal('TrialPaused', `${name} waits for a person: rollout.action Resume, Promote or Abort`));
  return events;
}
