import { printable } from '@modeldeployment/modelpack/foreign-text';
import { CONDITIONS, type ConditionType, type Reason } from '../../api/conditions.ts';
import type { ModelDeploymentStatus, Trial } from '../../api/modeldeployment.gen.ts';
import { isRunning } from '../health/containers.ts';
import { isReady, isTerminating, revisionOfPod } from '../diagnose.ts';
import { refusalOf } from '../objects/admission.ts';
import type { Revision } from '../revisions/revision.ts';
import type { FailedTarget } from '../targeting/aim.ts';
import type { Situation } from './situation.ts';
import { answers, stableUnavailable } from '../health/stable.ts';
import { heldBy } from '../trial/routes.ts';
import { nonFiniteWords } from '../health/warmup.ts';
import type { World } from '../world.ts';
import { type Refusal, wordsOf } from '../objects/writes.ts';

/** What the conditions are made from. */
export interface Judgement {
  situation: Situation;
  trial: Trial | undefined;
  failed: FailedTarget | undefined;
  /** Writes of this pass that were not made. */
  refusals: readonly Refusal[];
  /** Ready pods of any revision. */
  ready: number;
  /** They are at least replicas − maxUnavailable. */
  available: boolean;
}

interface Opinion {
  status: boolean;
  reason: Reason;
  message: string;
}

/** Whoever had a part in the words: a condition is one line that can be shown. */
const LONGEST_MESSAGE = 2000;

type Condition = NonNullable<ModelDeploymentStatus['conditions']>[number];

const OPINIONS: Record<ConditionType, (world: World, judgement: Judgement) => Opinion> = {
  Ready: ready,
  Available: availableOpinion,
  Progressing: progressing,
  ModelLoaded: modelLoaded,
  RolledBack: rolledBack,
  Stalled: stalled,
  ServerOutdated: serverOutdated,
  NonFiniteOutputs: nonFiniteOutputs,
};

/** All conditions, always; lastTransitionTime moves only when the status of one does. */
export function makeConditions(world: World, judgement: Judgement): Condition[] {
  const { status, generation } = world.model;
  return (Object.keys(CONDITIONS) as ConditionType[]).map((type) => {
    const opinion = OPINIONS[type](world, judgement);
    const previous = status.conditions?.find((condition) => condition.type === type);
    const value = opinion.status ? 'True' : 'False';
    return {
      type,
      status: value,
      reason: opinion.reason,
      message: printable(opinion.message, LONGEST_MESSAGE),
      observedGeneration: generation,
      lastTransitionTime:
        previous?.status === value
          ? previous.lastTransitionTime
          : new Date(world.now).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
  });
}

const yes = (reason: Reason, message: string): Opinion => ({ status: true, reason, message });
const no = (reason: Reason, message: string): Opinion => ({ status: false, reason, message });
const nameOf = ({ number, version }: Revision): string => `revision ${number} (version ${version})`;

/** Why the target does not serve, or undefined when it does or is on its way. */
function obstacle(world: World, { situation, failed, refusals }: Judgement): Opinion | undefined {
  const words = wordsOf(refusals);
  if (words?.reason === 'NameConflict') return no(words.reason, words.message);
  const refused = refusalOf(world);
  if (refused !== undefined) return no('AdmissionRefused', refused);
  switch (situation.kind) {
    case 'missing':
      return no('RevisionNotFound', situation.message);
    case 'lost':
      return no('RevisionLost', situation.message);
    case 'resolving':
      return situation.finding === undefined ? undefined : no(situation.finding.reason, situation.finding.message);
    case 'serving': {
      const { aim, failure, finding } = situation;
      if (failed === undefined) return undefined;
      const kept = world.model.status.lastFailure;
      const words =
        failure?.message ?? (kept?.revision === aim.wanted.number ? kept.message : undefined) ?? finding?.message;
      const goesBack =
        world.model.spec.rollout.onFailure === 'Rollback' &&
        aim.stable !== undefined &&
        aim.stable.number !== aim.wanted.number;
      const after = goesBack ? `; ${nameOf(aim.stable as Revision)} serves` : '';
      return no(failed.reason as Reason, `${nameOf(aim.wanted)} failed: ${words ?? failed.reason}${after}`);
    }
  }
}

/** What is going on while a target is on its way. */
function progress(world: World, { situation, trial, refusals }: Judgement): Opinion {
  const { spec } = world.model;
  const words = wordsOf(refusals);
  if (words !== undefined) return yes(words.reason, words.message);
  if (situation.kind !== 'serving') return yes('ResolvingDigest', `resolving ${spec.model.uri}`);
  const { aim, finding } = situation;
  if (world.deployment?.spec?.paused === true && trial?.phase !== 'HandingOver') {
    return no('PausedByUser', `deployment/${world.model.name} is paused; kubectl rollout resume lets it go on`);
  }
  if (finding !== undefined) return yes(finding.reason, finding.message);
  const held = trial === undefined ? undefined : heldBy(world, trial);
  if (held !== undefined) return yes(held.reason, held.message);
  const unserved = trial === undefined ? undefined : stableWords(world, trial);
  if (unserved !== undefined) return yes('StableUnavailable', unserved);
  if (trial !== undefined) return yes(trial.paused === true ? 'TrialPaused' : 'OnTrial', trialWords(world, trial));
  const pods = world.pods.filter((pod) => revisionOfPod(pod) === aim.effective.number && !isTerminating(pod));
  const waiting = pods.filter((pod) => !isReady(pod));
  const fetching = waiting.some((pod) => isRunning(pod, 'fetch'));
  const loading = waiting.some((pod) => isRunning(pod, 'server'));
  const state = `${pods.length - waiting.length} of ${spec.replicas} pods of ${nameOf(aim.effective)} answer`;
  if (fetching) return yes('FetchingModel', state);
  if (loading) return yes('LoadingModel', state);
  return yes('RollingOut', state);
}

/** That no pod of the revision that serves answers while another is on trial, since when, and what follows; undefined when one does. */
function stableWords(world: World, { phase, revision, from, weight, strategy }: Trial): string | undefined {
  const isTried = phase === 'Starting' || phase === 'Running';
  if (!isTried || answers(world, from)) return undefined;
  const { reason, since } = stableUnavailable(world, from) ?? {};
  const who = strategy === 'Canary' && weight > 0 && answers(world, revision) ? `; revision ${revision} does` : '';
  const state = `no pod of revision ${from}, which serves, answers${who}`;
  if (reason === undefined) return `${state}; they come back, or rollout.action Promote takes over`;
  const seconds = world.model.spec.rollout.progressDeadlineSeconds;
  return `${state}; ${reason} since ${since}: after ${seconds} s it is dead, and rollout.whenStableDies counts`;
}

/** Where a trial stands, in one sentence. */
function trialWords(
  { revisions }: World,
  { phase, revision, from, weight, step, steps, verdict, strategy }: Trial,
): string {
  const found = revisions.find(({ number }) => number === revision);
  const name = found === undefined ? `revision ${revision}` : nameOf(found);
  const analysis = verdict === undefined ? '' : `; ${verdict.message}`;
  switch (phase) {
    case 'Starting':
      return `${name} is brought up beside revision ${from}, which serves`;
    case 'Running': {
      if (strategy === 'Canary')
        return `${name} answers ${weight} % of the requests, step ${step} of ${steps}${analysis}`;
      const what = strategy === 'Shadow' ? 'gets copies of the requests' : 'is ready to take the requests over';
      return `${name} ${what}, revision ${from} serves${analysis}`;
    }
    case 'Switched':
      return `${name} answers all requests, the pods of revision ${from} are kept${analysis}`;
    case 'Promoting':
    case 'HandingOver':
      return `${name} takes over from revision ${from}`;
    case 'Ending':
      return `${name} is taken off trial, revision ${from} serves`;
  }
}

function ready(world: World, judgement: Judgement): Opinion {
  const hindered = obstacle(world, judgement);
  if (hindered !== undefined) return hindered;
  const { situation } = judgement;
  if (world.model.spec.replicas === 0) return no('ScaledToZero', 'spec.replicas is 0');
  const isHeld = judgement.refusals.some(({ isStep }) => isStep);
  const serves = situation.kind === 'serving' && !isHeld && (situation.complete || keepsServing(world, judgement));
  if (situation.kind !== 'serving' || !serves) {
    return { ...waitingFor(world, judgement), status: false };
  }
  const { aim, rollback } = situation;
  if (rollback.kind !== 'active') return yes('Serving', `${nameOf(aim.wanted)} serves`);
  return yes(
    rollback.pinned ? 'Pinned' : 'RollbackRequested',
    `${nameOf(aim.wanted)} serves, because spec.rollbackTo says so`,
  );
}

/** A rollout on its way, or pods of the stable revision that went missing. */
function waitingFor(world: World, judgement: Judgement): Opinion {
  const { situation, ready: answering } = judgement;
  const moves = situation.kind !== 'serving' || judgement.trial !== undefined || !isSettled(situation);
  if (moves || judgement.refusals.length > 0) return progress(world, judgement);
  return no('WaitingForPods', `${answering} of ${world.model.spec.replicas} pods answer`);
}

/** `kubectl rollout restart` and the like: enough pods of the stable revision answer all the time. */
function keepsServing(world: World, { situation, trial }: Judgement): boolean {
  if (situation.kind !== 'serving' || trial !== undefined) return false;
  const { number } = situation.aim.effective;
  const answering = world.pods.filter((pod) => revisionOfPod(pod) === number && isReady(pod)).length;
  return isSettled(situation) && answering >= world.model.spec.replicas;
}

const isSettled = (situation: Situation & { kind: 'serving' }): boolean =>
  situation.settled && situation.aim.stable?.number === situation.aim.effective.number;

function availableOpinion(world: World, { ready: answering, available }: Judgement): Opinion {
  const { replicas } = world.model.spec;
  if (replicas === 0) return no('ScaledToZero', 'spec.replicas is 0');
  const message = `${answering} of ${replicas} pods answer`;
  return available ? yes('AsExpected', message) : no('WaitingForPods', message);
}

/** What the operator does, and what it is kept from doing: refusals are told here, whatever else is in the way. */
function progressing(world: World, judgement: Judgement): Opinion {
  const { situation } = judgement;
  const words = wordsOf(judgement.refusals);
  if (words !== undefined) return { status: words.reason !== 'NameConflict', ...words };
  const hindered = obstacle(world, judgement);
  if (hindered !== undefined) return hindered;
  const still = judgement.trial === undefined;
  if (still && situation.kind === 'serving' && (situation.complete || isSettled(situation))) {
    return no('RolledOut', `${nameOf(situation.aim.effective)} is rolled out`);
  }
  if (world.model.spec.replicas === 0) return no('ScaledToZero', 'spec.replicas is 0');
  return progress(world, judgement);
}

function modelLoaded(world: World, judgement: Judgement): Opinion {
  const { situation } = judgement;
  if (situation.kind === 'serving') {
    const { wanted } = situation.aim;
    const loaded = world.pods.filter((pod) => revisionOfPod(pod) === wanted.number && isReady(pod)).length;
    if (loaded > 0) return yes('Serving', `${nameOf(wanted)} is loaded and answers`);
  }
  const hindered = obstacle(world, judgement);
  if (hindered !== undefined) return hindered;
  if (world.model.spec.replicas === 0) return no('ScaledToZero', 'spec.replicas is 0');
  return { ...progress(world, judgement), status: false };
}

function rolledBack(world: World, { situation, failed }: Judgement): Opinion {
  if (situation.kind === 'missing' || situation.kind === 'lost') return no('AsExpected', 'spec.model is the target');
  const { rollback } = situation;
  const wentBack = situation.kind === 'serving' && situation.aim.effective.number !== situation.aim.wanted.number;
  if (wentBack && failed !== undefined) {
    const { aim } = situation;
    return yes('AutomaticRollback', `${nameOf(aim.wanted)} failed, ${nameOf(aim.effective)} serves instead`);
  }
  if (rollback.kind === 'active') {
    const until = rollback.pinned ? 'until spec.rollbackTo is removed' : 'until spec.model changes';
    return yes(rollback.pinned ? 'Pinned' : 'RollbackRequested', `${nameOf(rollback.revision)} serves ${until}`);
  }
  if (rollback.kind === 'spent')
    return no('RollbackSpent', 'spec.rollbackTo was meant against another target and no longer counts');
  return no('AsExpected', 'spec.model is the target');
}

function stalled(world: World, judgement: Judgement): Opinion {
  const { situation } = judgement;
  const hindered = obstacle(world, judgement);
  // A resolver that fails for a passing cause is tried again.
  const isTaken = hindered?.reason === 'NameConflict';
  const retried = !isTaken && situation.kind === 'resolving' && situation.finding?.definite !== true;
  return hindered === undefined || retried ? no('AsExpected', 'nothing is in the way') : { ...hindered, status: true };
}

function serverOutdated(world: World, { situation }: Judgement): Opinion {
  const stable = situation.kind === 'serving' ? situation.aim.stable : undefined;
  const { spec } = world.model;
  if (stable === undefined || spec.server.image !== undefined || stable.image === world.settings.servingImage) {
    return no('AsExpected', 'the serving image is the one the operator brings, or your own');
  }
  const message = `${nameOf(stable)} runs ${stable.image}, the operator brings ${world.settings.servingImage}; it is taken with the next revision, or now by rollout.action Refresh`;
  return yes('NewerServingImage', message);
}

function nonFiniteOutputs(world: World, { situation }: Judgement): Opinion {
  const words = nonFiniteWords(world, situation);
  return words === undefined ? no('AsExpected', 'nothing of the kind is known') : yes('NonFiniteWarmup', words);
}
