import type { Analysis, ModelDeploymentSpec, Shadow } from './modeldeployment.gen.ts';
import { DEFAULTS } from './defaults.gen.ts';

/** The spec with every default filled in: what the decisions read. */
export interface FullSpec {
  model: ModelDeploymentSpec['model'] & { format: string };
  server: NonNullable<ModelDeploymentSpec['server']> & { engine: string; updatePolicy: 'OnNextRevision' | 'Auto' };
  replicas: number;
  rollout: Rollout;
  rollbackTo?: NonNullable<ModelDeploymentSpec['rollbackTo']>;
  revisionHistoryLimit: number;
}

type SpecRollout = NonNullable<ModelDeploymentSpec['rollout']>;
/** Parts whose fields all have defaults. */
type Filled = 'rollingUpdate' | 'blueGreen';
type Rollout = Required<Omit<SpecRollout, 'action' | 'canary' | 'shadow' | 'analysis' | Filled>> &
  Pick<SpecRollout, 'action' | 'canary'> & { [K in Filled]: Required<NonNullable<SpecRollout[K]>> } & {
    analysis: Required<Omit<Analysis, 'prometheus'>> & Pick<Analysis, 'prometheus'>;
    shadow: Required<Omit<Shadow, 'maxDifferingPercent'>> & Pick<Shadow, 'maxDifferingPercent'>;
  };

/**
 * The API server fills in defaults when an object is written; an object that was stored before a field existed lacks
 * them, so they are filled in here once more, from the same CRD.
 */
export function withDefaults(spec: ModelDeploymentSpec): FullSpec {
  return fill(DEFAULTS.spec, spec) as FullSpec;
}

function fill(defaults: unknown, value: unknown): unknown {
  if (value === undefined) return defaults;
  if (!isObject(defaults) || !isObject(value)) return value;
  const keys = new Set([...Object.keys(defaults), ...Object.keys(value)]);
  return Object.fromEntries([...keys].map((key) => [key, fill(defaults[key], value[key])]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
