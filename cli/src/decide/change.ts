import { isDeepStrictEqual } from 'node:util';
import {
  type Action,
  WRITTEN,
  type FullSpec,
  type LiveModel,
  plan,
  recipeOf,
  type Rollback,
  resourceName,
  rollbackOf,
  type SpecTarget,
  specTarget,
  type World,
  withDefaults,
} from '@modeldeployment/operator';
import type { ModelObjects } from '../family.ts';
import { type Difference, differences } from './differences.ts';

/** What comes of applying a manifest, as `diff` tells it. */
export interface Change {
  name: string;
  namespace: string;
  fields: (Difference & { note?: string })[];
  /** New pods are started for another revision, or because there are to be more. */
  startsPods: boolean;
  /** That in words. */
  verdict: string;
  /** The first writes of the operator, as its own plan has them. */
  plan: PlannedWrite[];
}

export interface PlannedWrite {
  do: string;
  object: string;
  because: string;
}

/** Stands for the digest that a tag will be resolved to. */
const UNRESOLVED = `sha256:${'0'.repeat(64)}`;
const UNRESOLVED_WORDS = 'the digest of its tag';

/**
 * Predicts by the decisions of the operator itself.
 *
 * @param world as the cluster is, but with the ModelDeployment as the API server would store it.
 * @param missing kinds that could not be read: what would be written to them is not known.
 */
export function predictChange(live: LiveModel | undefined, world: World, missing: ModelObjects['missing']): Change {
  const { model } = world;
  const before = live === undefined ? undefined : withDefaults(live.spec);
  const target = specTarget(world);
  const rollback = rollbackOf(world, target);
  const fields = changedFields(before, model.spec);
  return {
    name: model.name,
    namespace: model.namespace,
    fields,
    ...judge(before, world, target, rollback),
    plan: fields.length === 0 ? [] : writesOf(world, target, missing),
  };
}

function changedFields(before: FullSpec | undefined, after: FullSpec): Change['fields'] {
  // Of a new one only what the manifest says beyond the defaults is worth a line.
  if (before === undefined) return differences(withDefaults({} as LiveModel['spec']), after, 'spec');
  const all = differences(before, after, 'spec');
  const recipe = new Set(differences(recipeOf(before), recipeOf(after), 'spec').map(({ path }) => path));
  return all.map((field) => ({ ...field, note: noteOn(field.path, recipe) }));
}

function noteOn(path: string, recipe: ReadonlySet<string>): string {
  if (recipe.has(path)) return 'part of the revision';
  return path === 'spec.replicas' ? 'scales' : 'makes no revision';
}

type Judgement = Pick<Change, 'startsPods' | 'verdict'>;

function judge(before: FullSpec | undefined, world: World, target: SpecTarget, rollback: Rollback): Judgement {
  const { spec, status, name } = world.model;
  const { replicas } = spec;
  if (before === undefined) {
    return { startsPods: replicas > 0, verdict: `${name} is new: ${count(replicas, 'pod')} will start` };
  }
  if (isDeepStrictEqual(before, spec)) return { startsPods: false, verdict: 'nothing changes' };
  const scaling = scale(before.replicas, replicas);
  if (rollback.kind === 'active' && rollback.revision.number === status.stable?.revision) {
    const held = `spec.rollbackTo holds revision ${rollback.revision.number}`;
    return { startsPods: scaling.startsPods, verdict: `${held}, whatever spec.model says; ${scaling.words}` };
  }
  if (rollback.kind === 'missing') return { startsPods: scaling.startsPods, verdict: rollback.message };
  const wanted =
    rollback.kind === 'active' ? rollback.revision : target.kind === 'existing' ? target.revision : undefined;
  if (wanted === undefined) {
    return { startsPods: replicas > 0, verdict: `a new revision is made: its pods will start, ${manner(spec, true)}` };
  }
  if (wanted.number === status.failedTarget?.revision) {
    const why = `revision ${wanted.number} failed (${status.failedTarget.reason})`;
    return {
      startsPods: scaling.startsPods,
      verdict: `${why} and is not tried again before kubectl mdep retry ${name}`,
    };
  }
  if (wanted.number === status.stable?.revision || wanted.number === status.deployed) {
    return { startsPods: scaling.startsPods, verdict: `no new revision, ${scaling.words}` };
  }
  const direct = rollback.kind === 'active';
  const verdict = `revision ${wanted.number} (version ${wanted.version}) of the history serves again: its pods will start, ${manner(spec, !direct && spec.rollout.knownRevisions === 'Trial')}`;
  return { startsPods: replicas > 0, verdict };
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

const manner = ({ rollout }: FullSpec, onTrial: boolean): string =>
  onTrial && rollout.strategy !== 'RollingUpdate' ? `on trial first (${rollout.strategy})` : 'by a rolling update';

function scale(before: number, after: number): { startsPods: boolean; words: string } {
  if (after > before) return { startsPods: true, words: `${count(after - before, 'more pod')} will start` };
  if (after < before) return { startsPods: false, words: `${count(before - after, 'pod')} will end` };
  return { startsPods: false, words: 'no pod starts or ends' };
}

function writesOf(world: World, target: SpecTarget, missing: ModelObjects['missing']): PlannedWrite[] {
  const unknown = new Set(missing.map(({ kind }) => kind));
  const writesIn = (seen: World): PlannedWrite[] =>
    plan(seen)
      .actions.filter((action) => action.do === 'rollbackTo' || !unknown.has(resourceName(WRITTEN[action.kind])))
      .map(toWrite);
  const writes = writesIn(world);
  if (target.kind === 'existing' || target.digest !== undefined) return writes;
  // A tag is resolved first; this is what follows then.
  const later = writesIn(resolved(world)).filter((next) => !writes.some((write) => isDeepStrictEqual(write, next)));
  return [...writes, ...later];
}

const resolved = (world: World): World => ({
  ...world,
  model: { ...world.model, spec: { ...world.model.spec, model: { ...world.model.spec.model, digest: UNRESOLVED } } },
});

function toWrite(action: Action): PlannedWrite {
  const because = action.because.replaceAll(UNRESOLVED, UNRESOLVED_WORDS);
  if (action.do === 'rollbackTo') return { do: 'change', object: 'spec.rollbackTo', because };
  const name = 'object' in action ? (action.object.metadata?.name ?? '') : action.name;
  return { do: action.do, object: `${action.kind}/${name}`, because };
}
