import { ENV } from '@modeldeployment/modelpack/contract';
import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action } from '../actions.ts';
import { type Difference, differences, type Lists, sameJson } from './covers.ts';
import { shortHash } from './hash.ts';
import { managerOf } from './managers.ts';
import { LABEL } from '../names.ts';
import type { World } from '../world.ts';

/**
 * Whose change it is. Of a write of ours, fenced by the version it was decided on, the answer tells what admission made of
 * it: whatever it says beyond what was sent. That is recorded in the status, and is ours from then on; anything else that
 * a live object says is somebody's edit. Nothing is concluded from an object that was merely read, so a crash before or
 * after the record adopts nobody's edit: without a record the write is repeated, which changes nothing and tells it again.
 */
export type Admitted = NonNullable<ModelDeploymentStatus['admitted']>[number];

/** One field of a child that we write whole. */
export interface Part {
  /** As `Deployment/digits spec.template`. */
  name: string;
  rendered: unknown;
  live: unknown;
  /** The whole object as it is stored, which tells who wrote it. */
  object?: object | undefined;
}

export const partName = (kind: string, name: string | undefined, field: string): string =>
  [`${kind}/${name ?? ''}`, field].filter((word) => word !== '').join(' ');

type Knows = Pick<World, 'model' | 'now'>;

/** The live part says what was rendered, as far as admission lets it. */
export function isAsWritten(world: Knows, part: Part): boolean {
  const found = differencesOf(part);
  if (found.length === 0) return true;
  const record = recordOf(world, part.name);
  return record?.refused === undefined && record?.hash === hashOf(found);
}

/** Admission did not let it be written, and it is not time to try again. */
export function isPutOff(world: Knows, part: Part): boolean {
  const record = recordOf(world, part.name);
  if (record?.refused === undefined || record.hash !== hashOf(differencesOf(part))) return false;
  return world.now < retryAt(record.refused);
}

/** It is to be written now. */
export const isDue = (world: Knows, part: Part): boolean => !isAsWritten(world, part) && !isPutOff(world, part);

/** Admission does not let the history be kept, and it is not time to try again. */
export const isHistoryPutOff = ({ model, now }: Knows): boolean =>
  model.status.admitted?.some(
    ({ part, refused }) => part.startsWith('ControllerRevision/') && refused !== undefined && now < retryAt(refused),
  ) === true;

/** What admission does that must not be followed, in words; undefined when there is nothing of it. */
export function refusalOf({ model }: Knows): string | undefined {
  const refused = (model.status.admitted ?? []).filter((record) => record.refused !== undefined);
  if (refused.length === 0) return undefined;
  return `${refused.map(tell).join('; ')}: admission (a policy or a webhook, which leaves no name) changes what the operator writes, which cannot be followed; exempt the ModelDeployment's objects from it`;
}

/** What is still to be remembered: a refusal that is over, and needs no further try, is not. */
export function stillAdmitted(world: Knows, actions: readonly Action[]): readonly Admitted[] {
  const isOver = ({ part, refused }: Admitted): boolean =>
    refused !== undefined &&
    world.now >= retryAt(refused) &&
    !actions.some((action) => part.startsWith(objectOf(action)));
  return (world.model.status.admitted ?? []).filter((record) => !isOver(record));
}

function objectOf(action: Action): string {
  if (action.do === 'rollbackTo') return 'spec.rollbackTo';
  const name = 'name' in action ? action.name : action.object.metadata?.name;
  return `${partName(action.kind, name, '')} `;
}

/** When to try again what admission did not let be written, in milliseconds from now. */
export function retriesOf({ model, now }: Knows): number[] {
  return (model.status.admitted ?? [])
    .flatMap(({ refused }) => (refused === undefined ? [] : retryAt(refused) - now))
    .filter((waitMs) => waitMs > 0);
}

/** 10 s, doubled each time, at most 5 min. */
const retryAt = ({ attempts, time }: NonNullable<Admitted['refused']>): number =>
  Date.parse(time) + Math.min(10_000 * 2 ** (attempts - 1), 300_000);

const recordOf = ({ model }: Knows, name: string): Admitted | undefined =>
  model.status.admitted?.find(({ part }) => part === name);

/** Admission has changed this part when it was written last. */
export const isRecorded = (world: Knows, name: string): boolean => recordOf(world, name) !== undefined;

/** …and this place of it. */
export const isRecordedAt = (world: Knows, name: string, path: string): boolean =>
  recordOf(world, name)?.changes.includes(path) === true;

const hashOf = (found: readonly Difference[]): string => shortHash(found);

/** How many changed fields are named. */
const TOLD = 5;

export const tell = ({ part, changes, manager }: Pick<Admitted, 'part' | 'changes' | 'manager'>): string =>
  `${part}: ${changes.join(', ')} (${manager === undefined ? 'unknown manager' : `last written by ${manager}`})`;

/** What somebody has edited in a part, beside what admission is known to change there. */
export function editsOf(world: Knows, part: Part): Pick<Admitted, 'changes' | 'manager'> {
  const admitted = recordOf(world, part.name)?.changes ?? [];
  const found = differencesOf(part);
  const edits = found.filter(({ path }) => !admitted.includes(path));
  return changesOf(part, edits.length === 0 ? found : edits);
}

/** What of a part is not as it was rendered, and who says so, where that is known. */
function changesOf(part: Part, found: readonly Difference[]): Pick<Admitted, 'changes' | 'manager'> {
  const field = part.name.split(' ')[1] ?? '';
  const told = found.slice(0, TOLD);
  const pathOf = (path: string): string => (path === '' || path.startsWith('[') ? field + path : `${field}.${path}`);
  const managers = new Set(told.flatMap(({ path }) => managerOf(part.object, pathOf(path)) ?? []));
  return {
    changes: told.map(({ path }) => (path === '' ? field : path)),
    ...(managers.size === 0 ? {} : { manager: [...managers].join(', ') }),
  };
}

/** The record of a part after it was written and stored as `part.live`; undefined when admission left it alone. */
export function recordFor(world: Knows, part: Part, before: Admitted | undefined): Admitted | undefined {
  const found = differencesOf(part);
  if (found.length === 0) return undefined;
  const hash = hashOf(found);
  const bad = found.filter((difference) => isForbidden(part.name, difference));
  if (bad.length === 0 && before?.hash === hash) return before;
  const told = { part: part.name, hash, ...changesOf(part, bad.length === 0 ? found : bad) };
  if (bad.length === 0) return told;
  const attempts = (before?.hash === hash ? (before.refused?.attempts ?? 0) : 0) + 1;
  return { ...told, refused: { attempts, time: new Date(world.now).toISOString() } };
}

/** Selectors say whom else they select by what they do not say. */
const EXACT = /spec\.selector$/;
/** Server-side apply merges these entry by entry. */
const SHARED = /^(Service|ServiceAccount|PodDisruptionBudget)\/|metadata\.ownerReferences$/;

export function differencesOf({ name, rendered, live }: Part): readonly Difference[] {
  if (EXACT.test(name)) return sameJson(live, rendered) ? [] : [{ path: '', rendered, live }];
  const lists: Lists = SHARED.test(name) ? 'shared' : 'whole';
  return differences(live, rendered, lists);
}

/** Fields of which a change would take the pods, the requests or the bytes away from us. */
const NEVER_FOLLOWED = / (spec\.selector|spec\.replicas|spec\.paused|metadata\.ownerReferences|data)$/;

function isForbidden(name: string, { path, rendered, live }: Difference): boolean {
  if (NEVER_FOLLOWED.test(name)) return true;
  if (!name.endsWith('spec.template')) return false;
  if (path === `metadata.labels.${LABEL.model}` || path === `metadata.labels.${LABEL.revision}`) return true;
  // What was rendered is gone.
  if (/^spec\.(initC|c)ontainers(\[(fetch|server)\])?$/.test(path) && live === undefined) return true;
  if (/ontainers\[(fetch|server)\]\.image$/.test(path)) return !isSameImage(String(rendered), live);
  return [ENV.uri, ENV.digest].some((env) => path.startsWith(`spec.initContainers[fetch].env[${env}]`));
}

/** A mirror has the same repository path behind other hosts, with the same tag and digest; a digest may be added. */
function isSameImage(rendered: string, live: unknown): boolean {
  if (typeof live !== 'string') return false;
  const [ours, theirs] = [splitImage(rendered), splitImage(live)];
  if (ours.digest !== undefined) return ours.digest === theirs.digest;
  return ours.tag === theirs.tag && ours.name === theirs.name;
}

function splitImage(image: string): { name: string; tag: string; digest: string | undefined } {
  const [reference = '', digest] = image.split('@');
  const [, path = '', tag = 'latest'] = /^(.*?)(?::([^/:]+))?$/.exec(reference) ?? [];
  return { name: path.split('/').at(-1) ?? '', tag, digest };
}
