import type { Trial } from '../../api/modeldeployment.gen.ts';
import { change, type Decision, type Move, moves, type OnTrial, record, takeOff } from './decision.ts';
import type { Course, Step, TrialFacts } from './facts.ts';
import { ending, handingOver, promoting, takeAll } from './finish.ts';

/**
 *   (none) ─► Starting ─► Running, step by step ─┬──────────────► Promoting ─► HandingOver ─► (none), target is stable
 *                │            │                  └► Switched ──────┘
 *                └────────────┴──────── failed, superseded ─► Ending ─► (none), as before
 *
 * Pure, and explored exhaustively (explore.test.ts). In order; the first rule that has something to say wins.
 */
export function decideTrial(facts: TrialFacts): Decision {
  const { trial } = facts;
  if (trial === undefined) return beginning(facts);
  const on: OnTrial = { ...facts, trial };
  for (const rule of RULES) {
    const decision = rule(on);
    if (decision !== undefined) return decision;
  }
  return PHASES[trial.phase](on);
}

type Rule = (facts: OnTrial) => Decision | undefined;

const RULES: readonly Rule[] = [
  inCriticalPhase, // a hand-over is brought to its end, an ending too
  superseded, //      the spec asks for something else, or for no trial
  failing, //         taken away, or kept without requests
  takeover, //        what serves is dead, and nobody's gate is in the way
  asked, //           a person said Promote, Pause or Resume
];

const PHASES: Readonly<Record<Trial['phase'], (facts: OnTrial) => Decision>> = {
  Starting: starting,
  Running: running,
  Switched: switched,
  Promoting: promoting,
  HandingOver: handingOver,
  Ending: ending,
};

/** Serving pods that are still of other revisions must not lose their requests before those of the stable one suffice. */
const canNarrow = ({ othersReady, stableReady, stableWanted, least }: TrialFacts): boolean =>
  othersReady === 0 || Math.min(stableReady, stableWanted) >= least;

function beginning(facts: TrialFacts): Decision {
  const { course, canary, remains, preview, drainUntil, main, stable, target, now } = facts;
  // Nothing of an earlier trial may be met.
  if (canary !== undefined || remains) return moves((canary !== undefined || preview) && { move: 'takeAway' });
  if (preview) {
    const all = facts.service !== 'all' && ({ move: 'reach', to: 'all' } as const);
    // Clients that keep their connections to pods from before a hand-over reach the new ones through it.
    return drainUntil === undefined ? moves(all, { move: 'takeAway' }) : { ...moves(all), waitUntil: drainUntil };
  }
  if (course === undefined || main.holds !== stable || main.paused || !canNarrow(facts)) {
    return moves(facts.service !== 'all' && { move: 'reach', to: 'all' });
  }
  return record({
    id: `${target}-${Math.floor(now / 1000).toString(36)}`,
    revision: target,
    from: stable,
    strategy: course.strategy,
    phase: 'Starting',
    step: 1,
    steps: course.steps.length,
    weight: 0,
    since: new Date(now).toISOString(),
  });
}

function inCriticalPhase(facts: OnTrial): Decision | undefined {
  const { phase } = facts.trial;
  return phase === 'HandingOver' || phase === 'Ending' ? PHASES[phase](facts) : undefined;
}

function superseded(facts: OnTrial): Decision | undefined {
  const { course, target, trial, failed } = facts;
  if (target === trial.revision && (course !== undefined || failed)) return undefined;
  return takeOff(facts);
}

function failing(facts: OnTrial): Decision | undefined {
  const { failed, keepFailed, trial } = facts;
  if (!failed) return undefined;
  if (!keepFailed) return takeOff(facts);
  const kept = { phase: 'Running', weight: 0, paused: true } as const;
  const isKept = trial.phase === 'Running' && trial.weight === 0 && trial.paused === true;
  return isKept ? moves(...quiet(facts)) : change(facts, kept);
}

/** It stays up for a person to look at, and gets nothing. */
function quiet({ service, hushed, routes }: OnTrial): (Move | false)[] {
  return [
    service !== 'stable' && { move: 'reach', to: 'stable' },
    !hushed && { move: 'hush' },
    !routes.plain && { move: 'unweigh' },
  ];
}

/** The revision that serves is dead and the one on trial is not: there is nothing to compare with or to go back to. */
function takeover(facts: OnTrial): Decision | undefined {
  const { stableDead, canary, trial } = facts;
  const isTried = trial.phase === 'Starting' || trial.phase === 'Running';
  return isTried && stableDead && facts.takesOver && (canary?.ready ?? 0) > 0 ? promote(facts) : undefined;
}

function asked(facts: OnTrial): Decision | undefined {
  const { request, trial } = facts;
  switch (request) {
    case 'Promote':
      return trial.promote === true ? undefined : change(facts, { promote: true, paused: false });
    case 'Pause':
      return trial.paused === true ? undefined : change(facts, { paused: true });
    case 'Resume':
      if (trial.phase === 'Running' && isDone(facts, true)) return advance(facts);
      return trial.paused === true ? change(facts, { paused: false }) : undefined;
    case 'Retry':
      return takeOff(facts);
    case undefined:
      return undefined;
  }
}

/** The step the trial is at; the spec may have fewer by now. */
function stepOf(steps: Course['steps'], number: number): Step {
  return steps[Math.min(number, steps.length) - 1] ?? steps[0];
}

function starting(facts: OnTrial): Decision {
  const { course, canary, trial, routes } = facts;
  if (course === undefined) return takeOff(facts);
  const step = stepOf(course.steps, trial.step);
  const needed = presence(facts, step.size);
  if (needed.length > 0 || (canary?.ready ?? 0) < step.size) return moves(...needed);
  if (trial.promote === true) return promote(facts);
  return routes.usable ? change(facts, { phase: 'Running', weight: step.weight }) : moves();
}

/** What must be there while it is tried: in this order, for pods on trial must not be reached by everybody. */
function presence(facts: OnTrial, size: number): Move[] {
  const { service, preview, canary, replicas } = facts;
  const reach = standsIn(facts) ? 'all' : 'stable';
  const enough = canary !== undefined && canary.replicas >= size && canary.replicas <= Math.max(size, replicas);
  const needed: (Move | false)[] = [
    service !== reach && { move: 'reach', to: reach },
    !preview && { move: 'preview' },
    !enough && { move: 'bringUp', replicas: size },
  ];
  return needed.filter((move) => move !== false);
}

/** A canary that answers a share of the requests anyway answers them all while nobody else does; what answered nobody yet does not. */
const standsIn = ({ trial, stableReady, trialReady }: OnTrial): boolean =>
  trial.phase === 'Running' && trial.strategy === 'Canary' && trial.weight > 0 && stableReady === 0 && trialReady > 0;

function running(facts: OnTrial): Decision {
  const { course, canary, trial, now, announced, pausedByUser, routes } = facts;
  if (course === undefined) return takeOff(facts);
  const step = stepOf(course.steps, trial.step);
  // Recorded before they are written, so that they are restored whatever the spec says by then.
  const { httpRoutes = [] } = trial;
  const more = course.routes.filter((name) => !httpRoutes.includes(name));
  if (more.length > 0) return change(facts, { httpRoutes: [...httpRoutes, ...more] });
  const shared: (Move | false)[] = [!announced && { move: 'announce' }, !routes.weighed && { move: 'weigh' }];
  const needed = [...presence(facts, step.size), ...shared].filter((move) => move !== false);
  if (needed.length > 0) return moves(...needed);
  const large = (canary?.ready ?? 0) >= step.size;
  if (trial.promote === true && (canary?.ready ?? 0) > 0) return promote(facts);
  if (trial.paused === true || pausedByUser || !large) return moves();
  // Its pods were brought up first.
  if (trial.weight !== step.weight) return change(facts, { weight: step.weight });
  const end = Date.parse(trial.since) + step.minMs;
  if (now < end) return { kind: 'moves', moves: [], waitUntil: end };
  if (!isDone(facts, false)) return moves();
  return step.manual ? change(facts, { paused: true }) : advance(facts);
}

/** The step has had its time and its requests, and the analysis passed (or a person takes that upon themselves). */
function isDone({ course, trial, now, passed, failed, routes }: OnTrial, byPerson: boolean): boolean {
  if (course === undefined || failed || !routes.usable) return false;
  const step = stepOf(course.steps, trial.step);
  const over = trial.weight === step.weight && now >= Date.parse(trial.since) + step.minMs;
  return over && (byPerson ? step.manual : passed);
}

function advance(facts: OnTrial): Decision {
  const { course, canary, trial } = facts;
  const next = trial.step + 1;
  if (course === undefined || next > course.steps.length) {
    return course?.switchKeepMs === undefined
      ? promote(facts)
      : change(facts, { phase: 'Switched', weight: 100, paused: false });
  }
  const { size, weight } = stepOf(course.steps, next);
  const large = (canary?.ready ?? 0) >= size;
  return change(facts, { step: next, paused: false, ...(large ? { weight } : {}) });
}

function switched(facts: OnTrial): Decision {
  const { course, canary, trial, replicas, now, pausedByUser } = facts;
  const needed: (Move | false)[] = [...takeAll(facts), canary?.replicas !== replicas && { move: 'bringUp', replicas }];
  if (needed.some((move) => move !== false)) return moves(...needed);
  if (trial.promote === true) return promote(facts);
  const end = Date.parse(trial.since) + (course?.switchKeepMs ?? 0);
  if (now < end) return { kind: 'moves', moves: [], waitUntil: end };
  return trial.paused === true || pausedByUser ? moves() : promote(facts);
}

/** A full-size trial takes all requests before the hand-over; a smaller one gets its share as pods of the model. */
function promote(facts: OnTrial): Decision {
  const { trial, canary, replicas } = facts;
  // One that has them all keeps them, also while one of its pods is not ready for a moment.
  const full = trial.weight === 100 || (canary?.ready ?? 0) >= replicas;
  return change(facts, { phase: 'Promoting', weight: full ? 100 : 0, paused: false });
}
