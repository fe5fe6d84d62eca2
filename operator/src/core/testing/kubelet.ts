import type { IPod } from 'kubernetes-models/v1';
import type { FailureReason } from '@modeldeployment/modelpack/contract';
import { shortHash } from '../hash.ts';
import { LABEL } from '../names.ts';
import type { ObjectStore, Stored } from './store.ts';

/** What happens to the pods of a model, by its digest. */
export type Fate = 'serves' | 'loads slowly' | { fails: FailureReason } | 'crashes' | 'unschedulable';

export const digestOf = (uri: string): string => `sha256:${shortHash(uri).padEnd(64, '0')}`;

const isResolver = (pod: IPod): boolean => pod.metadata?.labels?.[LABEL.resolves] !== undefined;
/** Pods that serve a model, or are to. */
export const modelPods = (store: ObjectStore): IPod[] => store.list<IPod>('Pod').filter((pod) => !isResolver(pod));
/** Pods that find out what is behind a tag. */
export const resolverPods = (store: ObjectStore): IPod[] => store.list<IPod>('Pod').filter(isResolver);

/** A new pod meets its fate, and one that has finished its work is gone. */
export function startPods(store: ObjectStore, fates: ReadonlyMap<string, Fate>): boolean {
  for (const pod of modelPods(store)) {
    if (Date.parse(String(pod.metadata?.deletionTimestamp)) <= store.now) {
      store.remove(pod as object as Stored);
      return true;
    }
    const digest = pod.spec?.initContainers?.[0]?.env?.find(({ name }) => name === 'MODEL_DIGEST')?.value ?? '';
    const status = statusFor(fates.get(digest) ?? 'serves');
    if (pod.status === status) continue;
    pod.status = status;
    store.touch(pod as object as Stored);
    return true;
  }
  return false;
}

/** A resolver tells the digest behind its tag: the one in `tags`, else digestOf(uri). */
export function resolveTags(store: ObjectStore, tags: ReadonlyMap<string, string>): boolean {
  for (const pod of resolverPods(store)) {
    if (pod.status !== undefined) continue;
    const uri = pod.spec?.containers[0]?.env?.find(({ name }) => name === 'MODEL_URI')?.value ?? '';
    const digest = tags.get(uri) ?? digestOf(uri);
    const missing = digest === 'missing';
    const message = JSON.stringify(missing ? { reason: 'ModelNotFound', message: `no ${uri}` } : { digest, bytes: 1 });
    const terminated = { exitCode: missing ? 1 : 0, message, finishedAt: new Date(store.now).toISOString() };
    const containerStatuses = [
      { name: 'resolve', image: 'i', imageID: 'i', ready: false, restartCount: 0, state: { terminated } },
    ];
    pod.status = { phase: missing ? 'Failed' : 'Succeeded', containerStatuses };
    return true;
  }
  return false;
}

const statuses = new Map<Fate, NonNullable<IPod['status']>>();

/** The same object for the same fate, which is how a pod is known to have met it. */
function statusFor(fate: Fate): NonNullable<IPod['status']> {
  const status = statuses.get(fate) ?? makeStatus(fate);
  statuses.set(fate, status);
  return status;
}

function makeStatus(fate: Fate): NonNullable<IPod['status']> {
  const condition = (type: string, value: boolean, reason?: string) => ({
    type,
    status: value ? 'True' : 'False',
    ...(reason === undefined ? {} : { reason }),
  });
  const container = { name: 'server', image: 'i', imageID: 'i', ready: fate === 'serves', restartCount: 0 };
  if (fate === 'serves') return { conditions: [condition('Ready', true)], containerStatuses: [container] };
  if (fate === 'unschedulable') return { conditions: [condition('PodScheduled', false, 'Unschedulable')] };
  if (fate === 'loads slowly') return { conditions: [condition('Ready', false)], containerStatuses: [container] };
  const message =
    fate === 'crashes' ? 'Aborted' : JSON.stringify({ reason: fate.fails, message: 'as told by the test' });
  const lastState = { terminated: { exitCode: 134, message } };
  const crashed = { ...container, restartCount: 2, lastState };
  return { conditions: [condition('Ready', false)], containerStatuses: [crashed] };
}
