import type { FullSpec } from '../../api/defaults.ts';
import type { CanaryStep } from '../../api/modeldeployment.gen.ts';
import type { Course, Step } from './facts.ts';
import { routesOf } from './routes.ts';

/** The steps of a Canary that names none. */
const USUAL_STEPS = [
  { weight: 10, seconds: 60 },
  { weight: 50, seconds: 60 },
];

/** How the spec wants a new revision tried; undefined when it is rolled out without a trial. */
export function courseOf({ replicas, rollout }: FullSpec): Course | undefined {
  const { strategy, canary, blueGreen, shadow } = rollout;
  if (replicas === 0) return undefined;
  const nothing = { weight: 0, mirror: 0 };
  const routes = routesOf(rollout);
  switch (strategy) {
    case 'RollingUpdate':
      return undefined;
    case 'Canary': {
      const steps = (canary?.steps ?? USUAL_STEPS).map(({ weight, seconds, replicas: size }: CanaryStep): Step => {
        const share = Math.max(1, Math.ceil((weight / 100) * replicas));
        return {
          weight,
          mirror: 0,
          minMs: (seconds ?? 0) * 1000,
          manual: seconds === undefined,
          size: Math.min(size ?? share, replicas),
        };
      });
      const [first = { ...nothing, minMs: 0, manual: false, size: 1 }, ...rest] = steps;
      return { strategy, steps: [first, ...rest], switchKeepMs: undefined, routes };
    }
    case 'BlueGreen': {
      const manual = blueGreen.switch === 'Manual';
      const step = { ...nothing, minMs: blueGreen.previewSeconds * 1000, manual, size: replicas };
      return { strategy, steps: [step], switchKeepMs: blueGreen.keepSeconds * 1000, routes };
    }
    case 'Shadow': {
      const size = Math.min(shadow.replicas, replicas);
      const manual = shadow.promotion === 'Manual';
      const step = { weight: 0, mirror: shadow.percent, minMs: shadow.seconds * 1000, manual, size };
      return { strategy, steps: [step], switchKeepMs: undefined, routes };
    }
  }
}
