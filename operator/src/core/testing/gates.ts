import { withDefaults } from '../../api/defaults.ts';
import { revisionOfPod } from '../diagnose.ts';
import { pendingAction } from '../targeting/target.ts';
import type { Trial } from '../../api/modeldeployment.gen.ts';
import { courseOf } from '../trial/course.ts';
import type { Course } from '../trial/facts.ts';
import { digestOf, stateOf } from './kubelet.ts';
import { uri } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import { isReadyPod } from './store.ts';

/** What a revision must have met before it gets more than it had. Told apart from how the operator decides it. */
export function checkGates(before: Simulator, after: Simulator, isUndo: boolean): string | undefined {
  const wrong = passesUntried(before, after) ?? failsForALoss(before, after);
  // A person may give the Deployment whatever they like.
  return isUndo ? wrong : (wrong ?? rollsOutUntried(before, after));
}

/** A trial goes on to its next step, to the switch, or to the takeover. */
function passesUntried(before: Simulator, after: Simulator): string | undefined {
  const [from, to] = [before.status.trial, after.status.trial];
  if (from === undefined || to?.id !== from.id) return undefined;
  const onward = to.step > from.step || (to.phase !== from.phase && ['Switched', 'Promoting'].includes(to.phase));
  if (!onward || from.promote === true || asked(before) === 'Promote') return undefined;
  const why = from.phase === 'Switched' ? keptTooShort(before, from) : shutAt(before, from);
  return why === undefined || mayTakeOver(before) ? undefined : `${from.phase} of step ${from.step} ${why}`;
}

function courseNow(sim: Simulator, { strategy }: Trial): Course | undefined {
  const spec = withDefaults(sim.spec);
  return courseOf({ ...spec, rollout: { ...spec.rollout, strategy } });
}

const isOver = ({ now }: Simulator, { since }: Trial, ms: number): boolean => now >= Date.parse(since) + ms;

function keptTooShort(sim: Simulator, trial: Trial): string | undefined {
  const isKept = !isOver(sim, trial, courseNow(sim, trial)?.switchKeepMs ?? 0);
  return isKept || trial.paused === true ? 'is left too early' : undefined;
}

/** What keeps a step's gate shut. */
function shutAt(sim: Simulator, trial: Trial): string | undefined {
  const step = courseNow(sim, trial)?.steps[trial.step - 1];
  if (trial.phase !== 'Running' || step === undefined) return 'is skipped';
  if (!isOver(sim, trial, step.minMs)) return 'is left too early';
  if (step.manual) return asked(sim) === 'Resume' ? undefined : 'waits for a person, who said nothing';
  if (trial.paused === true) return 'is paused, and is left';
  const isJudged = (sim.spec.rollout?.analysis?.minRequests ?? 0) > 0;
  return isJudged && sim.counted.length === 0 ? 'is left before the analysis has seen enough' : undefined;
}

/** The Deployment is given a revision that was on no trial, where the spec asks for one. */
function rollsOutUntried(before: Simulator, after: Simulator): string | undefined {
  const [held, holds] = [before.revisionInDeployment(), after.revisionInDeployment()];
  const { trial, stable, failedTarget } = before.status;
  if (Number.isNaN(held + holds) || held === holds || after.writes.length === 0) return undefined;
  const { rollout, rollbackTo } = withDefaults(before.spec);
  if (failedTarget?.revision === holds && asked(before) !== 'Retry') return `failed revision ${holds} is rolled out`;
  const known = holds === stable?.revision || holds === trial?.from || served(before, holds);
  const tried = rollout.strategy === 'RollingUpdate' || (trial?.revision === holds && trial.phase === 'HandingOver');
  if (known || tried || rollbackTo !== undefined || mayTakeOver(before)) return undefined;
  return `revision ${holds} is rolled out without a trial`;
}

/** A revision that was good is given up although nothing but the world around it went wrong. */
function failsForALoss(before: Simulator, after: Simulator): string | undefined {
  const failed = after.status.failedTarget;
  if (failed === undefined || failed.revision === before.status.failedTarget?.revision) return undefined;
  if (failed.reason === 'Aborted' || before.fates.get(digestOf(uri(versionOf(before, failed.revision)))) !== 'serves')
    return undefined;
  const pods = before.pods().filter((pod) => revisionOfPod(pod) === failed.revision);
  // One that has had an hour and does not answer is rightly given up, whatever the reason.
  const silent = pods.some((pod) => {
    const state = stateOf(pod);
    return (state === undefined || state === 'unready') && isOld(pod, before);
  });
  return silent ? undefined : `revision ${failed.revision} fails (${failed.reason}), but its pods only were lost`;
}

const isOld = (pod: ReturnType<Simulator['pods']>[number], { now }: Simulator): boolean =>
  [pod.metadata?.creationTimestamp, ...(pod.status?.conditions ?? []).map((one) => one.lastTransitionTime)].every(
    (time) => time === undefined || Date.parse(String(time)) < now - 1000,
  );

const asked = (sim: Simulator): string | undefined => pendingAction(sim.world())?.type;

const versionOf = (sim: Simulator, revision: number | undefined): number =>
  Number(sim.world().revisions.find(({ number }) => number === revision)?.version);

const served = (sim: Simulator, revision: number): boolean =>
  sim.spec.rollout?.knownRevisions !== 'Trial' &&
  sim.world().revisions.some((one) => one.number === revision && one.served);

/** The serving revision has crashed for a long time, and the spec does not hold what a person is to decide. */
function mayTakeOver(sim: Simulator): boolean {
  const { trial, stable, stableUnavailable } = sim.status;
  const number = trial?.from ?? stable?.revision;
  const fate = sim.fates.get(digestOf(uri(versionOf(sim, number))));
  const answers = sim.pods().some((pod) => revisionOfPod(pod) === number && isReadyPod(pod));
  const long = stableUnavailable !== undefined && Date.parse(stableUnavailable.since) < sim.now - 1000;
  if (fate === 'serves' || answers || !long) return false;
  const { rollout, replicas, ...spec } = withDefaults(sim.spec);
  if (rollout.whenStableDies === 'TakeOver') return true;
  const course = courseOf({ ...spec, replicas, rollout });
  const byHand =
    course?.steps.slice((trial?.step ?? 1) - 1).some(({ manual }) => manual) === true ||
    trial?.paused === true ||
    sim.pausedByPerson;
  return !byHand && (rollout.strategy !== 'Shadow' || rollout.analysis.minRequests === 0 || sim.counted.length > 0);
}
