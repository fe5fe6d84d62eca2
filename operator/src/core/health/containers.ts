import type { IContainerStatus, IPod } from 'kubernetes-models/v1';

/** The containers that the operator puts into a pod. Whatever else is there was added by others, and is judged by them. */
const OURS = ['fetch', 'resolve', 'server'] as const;
export type Ours = (typeof OURS)[number];

/**
 * The states of our containers in a pod, in the order in which they run: the only way to look at any (lint holds it). By
 * name, never by place: sidecars stand before and after ours, among the init containers too.
 */
export function ourContainers({ status }: IPod): readonly IContainerStatus[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return OURS.map((name) => all.find((one) => one.name === name)).filter((one) => one !== undefined);
}

export const containerOf = (pod: IPod, name: Ours): IContainerStatus | undefined =>
  ourContainers(pod).find((one) => one.name === name);

export const isRunning = (pod: IPod, name: Ours): boolean => containerOf(pod, name)?.state?.running !== undefined;

/** It has ended, and stays there until somebody takes it away: a pod that was evicted, for instance. */
export const isLeftOver = ({ status }: IPod): boolean => status?.phase === 'Failed' || status?.phase === 'Succeeded';

/** Somebody else ended it: the kubelet or a controller gives the pod a reason then, or says that it is to be disrupted. */
export const isEndedByOthers = ({ status }: IPod): boolean =>
  status?.phase === 'Failed' &&
  ((status.reason ?? '') !== '' ||
    (status.conditions ?? []).some((one) => one.type === 'DisruptionTarget' && one.status === 'True'));

/** Whether the kubelet said last that every container is ready, also those of others: a pod that is not ready then is cut off. */
export const areAllReady = ({ status }: IPod): boolean => {
  const all = status?.containerStatuses ?? [];
  return all.length > 0 && all.every(({ ready }) => ready);
};
