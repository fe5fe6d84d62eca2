import type { IPod } from 'kubernetes-models/v1';
import type { FailureReason } from '@modeldeployment/modelpack/contract';
import { shortHash } from '../objects/hash.ts';
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

/** A new pod meets its fate, one that was unready for a moment answers again, and one that has finished its work is gone. */
export function startPods(store: ObjectStore, fates: ReadonlyMap<string, Fate>): boolean {
  for (const pod of modelPods(store)) {
    if (Date.parse(String(pod.metadata?.deletionTimestamp)) <= store.now) {
      store.remove(pod as object as Stored);
      return true;
    }
    const digest = pod.spec?.initContainers?.[0]?.env?.find(({ name }) => name === 'MODEL_DIGEST')?.value ?? '';
    const fate = fates.get(digest) ?? 'serves';
    if (stateOf(pod) === fate || stateOf(pod) === 'unreachable') continue;
    setState(store, pod, fate);
    return true;
  }
  return false;
}

/** What a pod may be in besides its fate: a probe failed once, or its node does not report. */
export type Passing = 'unready' | 'unreachable';

/** What has become of a pod; undefined before the kubelet has seen it. */
export const stateOf = (pod: IPod): Fate | Passing | undefined =>
  pod.status === undefined ? undefined : states.get(pod.status);

export function setState(store: ObjectStore, pod: IPod, state: Fate | Passing): void {
  const status = makeStatus(state, new Date(store.now).toISOString());
  states.set(status, state);
  store.change(pod, (next) => void (next.status = status));
}

/** A node is back: its pods are what they were. */
export function reachNodes(store: ObjectStore, fates: ReadonlyMap<string, Fate>): boolean {
  const lost = modelPods(store).filter((pod) => stateOf(pod) === 'unreachable');
  for (const pod of lost) setState(store, pod, 'unready');
  return lost.length > 0 && startPods(store, fates);
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
    store.change(pod, (next) => void (next.status = { phase: missing ? 'Failed' : 'Succeeded', containerStatuses }));
    return true;
  }
  return false;
}

const states = new WeakMap<object, Fate | Passing>();

function makeStatus(state: Fate | Passing, now: string): NonNullable<IPod['status']> {
  const condition = (type: string, value: boolean, reason?: string) => ({
    type,
    status: value ? 'True' : 'False',
    lastTransitionTime: now,
    ...(reason === undefined ? {} : { reason }),
  });
  // The kubelet of a node that does not report tells nothing of its containers: they stay as they were last.
  const isUp = state === 'serves' || state === 'unreachable';
  const container = { name: 'server', image: 'i', imageID: 'i', ready: isUp, restartCount: 0 };
  const running = { ...container, state: { running: { startedAt: now } } };
  if (state === 'unschedulable') return { conditions: [condition('PodScheduled', false, 'Unschedulable')] };
  if (typeof state === 'string' && state !== 'crashes')
    return { conditions: [condition('Ready', state === 'serves')], containerStatuses: [running] };
  const message =
    state === 'crashes' ? 'Aborted' : JSON.stringify({ reason: state.fails, message: 'as told by the test' });
  const lastState = { terminated: { exitCode: 134, message } };
  const crashed = { ...container, restartCount: 2, lastState };
  return { conditions: [condition('Ready', false)], containerStatuses: [crashed] };
}
