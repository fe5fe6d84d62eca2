import { type Match, type Traffic, TRAFFIC_ANNOTATION } from '@modeldeployment/modelpack/traffic';
import type { IPod } from 'kubernetes-models/v1';
import type { Trial } from '../../api/modeldeployment.gen.ts';
import { canaryName } from '../names.ts';
import type { World } from '../world.ts';
import type { Course } from './facts.ts';

/** What the serving pods are told while a revision is on trial, as the text of their annotation. */
export function trafficText(world: World, trial: Trial, course: Course): string {
  const { model, revisions } = world;
  const { analysis, shadow, canary } = model.spec.rollout;
  const step = course.steps[Math.min(trial.step, course.steps.length) - 1] ?? course.steps[0];
  const traffic: Traffic = {
    trial: trial.id,
    stable: trial.from,
    target: trial.revision,
    targetVersion: revisions.find(({ number }) => number === trial.revision)?.version ?? '',
    to: `${canaryName(model.name)}.${model.namespace}.svc`,
    // A gateway shares them out; what comes on kept connections during a hand-over does not pass it.
    weight: course.routes.length > 0 && trial.phase === 'Running' ? 0 : trial.weight,
    ...(course.strategy === 'Canary' && canary?.match !== undefined ? { match: canary.match.map(matchOf) } : {}),
    ...(step.mirror === 0 ? {} : { mirror: { percent: step.mirror, tolerance: shadow.tolerance } }),
    ...(analysis.minRequests === 0 ? {} : { replayBelow: analysis.minRequests }),
  };
  return JSON.stringify(traffic);
}

function matchOf({ header, cookie, value }: { header?: string; cookie?: string; value: string }): Match {
  return header === undefined ? { cookie: cookie ?? '', value } : { header, value };
}

export const trafficOf = (pod: IPod): string | undefined => pod.metadata?.annotations?.[TRAFFIC_ANNOTATION];
