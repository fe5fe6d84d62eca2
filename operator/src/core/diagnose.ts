import { printable } from '@modeldeployment/modelpack/foreign-text';
import { FAILURE, parseTerminationMessage } from '@modeldeployment/modelpack/contract';
import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IContainerStatus, IPod } from 'kubernetes-models/v1';
import type { Reason } from '../api/conditions.ts';
import { isEndedByOthers, isLeftOver, ourContainers } from './health/containers.ts';
import { LABEL } from './names.ts';

/** Why a pod does not do its work. */
export interface Finding {
  reason: Reason;
  message: string;
  /** The same bytes and settings must fail again: no need to wait for the deadline. */
  definite: boolean;
  pod?: string;
  container?: string;
  exitCode?: number;
}

/** What containers, registries and the kubelet say goes into status and events, and from there to terminals. */
const LONGEST_MESSAGE = 1000;

/** Restarts after which a crash that left no report is taken as definite: one may be bad luck. */
const CRASHES_THAT_CONDEMN = 2;

type Check = (pod: IPod) => Finding | undefined;

/** In order; the first that finds something wins. */
const CHECKS: readonly Check[] = [
  terminated, //      a container ended, with or without saying why
  cannotStart, //     its image or its volumes are missing
  unschedulable, //   no node has room
  podFailed, //       evicted or otherwise ended
];

export const isTerminating = (object: { metadata?: { deletionTimestamp?: unknown } }): boolean =>
  object.metadata?.deletionTimestamp !== undefined;

export const isReady = (pod: IPod): boolean =>
  !isTerminating(pod) && (pod.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');

export const revisionOfPod = (pod: IPod): number => Number(pod.metadata?.labels?.[LABEL.revision]);

/**
 * The worst that ails the pods of one revision: a definite cause before a passing one. Pods that answer or are going
 * away do not count, and what is left of pods that have ended only while there are no others.
 */
export function diagnose(
  pods: readonly IPod[],
  replicaSets: readonly IReplicaSet[],
  revision: number,
): Finding | undefined {
  const own = pods.filter((pod) => revisionOfPod(pod) === revision && !isTerminating(pod));
  const alive = own.filter((pod) => !isLeftOver(pod));
  const findings = (alive.length > 0 ? alive : own)
    .filter((pod) => !isReady(pod))
    .map(diagnosePod)
    .filter((finding) => finding !== undefined);
  return findings.find((finding) => finding.definite) ?? findings[0] ?? refused(replicaSets, revision);
}

export function diagnosePod(pod: IPod): Finding | undefined {
  for (const check of CHECKS) {
    const finding = check(pod);
    if (finding === undefined) continue;
    return { ...finding, message: printable(finding.message, LONGEST_MESSAGE), pod: pod.metadata?.name ?? '' };
  }
  return undefined;
}

function terminated(pod: IPod): Finding | undefined {
  for (const status of ourContainers(pod)) {
    const end = status.state?.terminated ?? status.lastState?.terminated;
    // Nobody knows how it ended: its node was lost.
    if (end === undefined || end.exitCode === 0 || end.reason === 'ContainerStatusUnknown') continue;
    const at = { container: status.name, exitCode: end.exitCode };
    const report = parseTerminationMessage(end.message);
    if (report !== undefined && 'reason' in report) {
      return { ...at, reason: report.reason, message: report.message, definite: FAILURE[report.reason].definite };
    }
    // It was killed with its pod, which says nothing of what ran in it.
    if (isEndedByOthers(pod)) continue;
    const repeated = status.restartCount >= CRASHES_THAT_CONDEMN;
    if (end.reason === 'OOMKilled') {
      const message = `container ${status.name} needed more memory than its limit; raise spec.server.resources.limits.memory`;
      return { ...at, reason: 'OutOfMemory', message, definite: repeated };
    }
    const message = `container ${status.name} ended with exit code ${end.exitCode}${detail(end.message)}`;
    return { ...at, reason: 'ServerCrashed', message, definite: repeated };
  }
  return undefined;
}

function cannotStart(pod: IPod): Finding | undefined {
  for (const status of ourContainers(pod)) {
    const waiting = status.state?.waiting;
    const at = { container: status.name };
    if (waiting === undefined) continue;
    switch (waiting.reason) {
      case 'InvalidImageName':
      case 'ErrImageNeverPull':
        return { ...at, reason: 'ImageNotFound', message: imageMessage(status, waiting.message), definite: true };
      case 'ErrImagePull':
      case 'ImagePullBackOff': {
        const missing = /not found|manifest unknown|name unknown/i.test(waiting.message ?? '');
        const reason = missing ? 'ImageNotFound' : 'ImagePullFailed';
        return { ...at, reason, message: imageMessage(status, waiting.message), definite: missing };
      }
      case 'CreateContainerConfigError':
      case 'CreateContainerError':
      case 'RunContainerError':
        return {
          ...at,
          reason: 'ContainerConfigError',
          message: `container ${status.name} cannot be created${detail(waiting.message)}`,
          definite: false,
        };
      case undefined:
      default: // still being created
    }
  }
  return undefined;
}

function unschedulable(pod: IPod): Finding | undefined {
  const condition = (pod.status?.conditions ?? []).find((c) => c.type === 'PodScheduled' && c.status === 'False');
  if (condition?.reason !== 'Unschedulable') return undefined;
  const claim = /persistentvolumeclaim "([^"]+)" not found/.exec(condition.message ?? '')?.[1];
  if (claim !== undefined) {
    const message = `claim ${claim} is missing; create it in the namespace of the model`;
    return { reason: 'ContainerConfigError', message, definite: false };
  }
  return { reason: 'Unschedulable', message: `no node takes the pod${detail(condition.message)}`, definite: false };
}

function podFailed(pod: IPod): Finding | undefined {
  if (pod.status?.phase !== 'Failed') return undefined;
  const message = `the pod ended (${pod.status.reason ?? 'Failed'})${detail(pod.status.message)}`;
  return { reason: 'WaitingForPods', message, definite: false };
}

function refused(replicaSets: readonly IReplicaSet[], revision: number): Finding | undefined {
  for (const set of replicaSets) {
    if (Number(set.metadata?.labels?.[LABEL.revision]) !== revision) continue;
    const failure = (set.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure' && c.status === 'True');
    if (failure !== undefined) {
      return { reason: 'PodsRefused', message: `pods cannot be created${detail(failure.message)}`, definite: false };
    }
  }
  return undefined;
}

function imageMessage(status: IContainerStatus, message: string | undefined): string {
  return `image ${status.image} of container ${status.name} cannot be pulled${detail(message)}`;
}

/** A write that was refused, as `create Pod/digits-resolve-1: exceeded quota`. */
export const refusalMessage = (verb: string, object: string, why: string): string => `${verb} ${object}${detail(why)}`;

/** The kubelet's words, cut to a readable length and free of what changes from try to try. */
function detail(message: string | undefined): string {
  const text = printable(message?.replace(/back-off \S+ /, '') ?? '', 300);
  return text === '' ? '' : `: ${text}`;
}
