import {
  courseOf,
  diagnosePod,
  isReady,
  isRunning,
  isTerminating,
  LABEL,
  type ModelDeploymentStatus,
  ourContainers,
  withDefaults,
} from '@modeldeployment/operator';
import type { ModelObjects, Pod, ReplicaSet } from '../family.ts';
import type { Tone } from './style.ts';

/** What `kubectl mdep get` shows, and prints with -o json: the status, and the pods by revision. */
export interface Tree {
  name: string;
  namespace: string;
  created?: string | undefined;
  /** The operator has seen the present spec. */
  observed: boolean;
  uri: string;
  strategy: string;
  /** How the spec wants a new revision tried, a step each; empty when it is rolled out without a trial. */
  steps: { weight: number; seconds: number; manual: boolean }[];
  rollbackTo?: { revision?: number; digest?: string; from?: number } | undefined;
  status: ModelDeploymentStatus;
  /** The newest first. */
  revisions: RevisionNode[];
  /** Pods that resolve the tag of a new model. */
  resolving: PodNode[];
  /** Revisions without pods that one can return to. */
  others: number;
  missing: ModelObjects['missing'];
}

/** `kept`: after a switch, to be returned to; `old`: its pods are on their way out. */
export type Role = 'stable' | 'trial' | 'target' | 'failed' | 'kept' | 'old';

export interface RevisionNode {
  revision: number;
  version?: string | undefined;
  digest?: string | undefined;
  role: Role;
  /** Percent of the requests it answers, where that is known. */
  percent?: number | undefined;
  /** Percent of the requests of which it gets a copy. */
  copies?: number | undefined;
  replicaSets: ReplicaSetNode[];
}

export interface ReplicaSetNode {
  name: string;
  /** Name of its Deployment. */
  deployment?: string | undefined;
  created?: string | undefined;
  replicas: number;
  ready: number;
  pods: PodNode[];
}

export interface PodNode {
  name: string;
  created?: string | undefined;
  /** In one word: Ready, LoadingModel, ImagePullFailed … */
  state: string;
  tone: Tone;
  restarts: number;
  /** What ails it, in words. */
  message?: string | undefined;
}

export function makeTree(objects: ModelObjects): Tree {
  const { model, missing } = objects;
  const spec = withDefaults(model.spec);
  const status = model.status ?? {};
  const { name, namespace = '', creationTimestamp: created, generation = 0 } = model.metadata;
  const revisions = revisionNodes(objects, status);
  return {
    name,
    namespace,
    created,
    observed: status.observedGeneration === generation,
    uri: spec.model.uri,
    strategy: spec.rollout.strategy,
    steps: (courseOf(spec)?.steps ?? []).map(({ weight, minMs, manual }) => ({
      weight,
      seconds: minMs / 1000,
      manual,
    })),
    rollbackTo: spec.rollbackTo,
    status,
    revisions,
    resolving: podNodes(objects.pods.filter((pod) => pod.metadata.labels?.[LABEL.resolves] !== undefined)),
    others: objects.revisions.filter(({ number }) => !revisions.some(({ revision }) => revision === number)).length,
    missing,
  };
}

const revisionOf = ({ metadata }: { metadata: { labels?: Record<string, string> } }): number =>
  Number(metadata.labels?.[LABEL.revision]);

/** Revisions that have pods or play a part. */
function revisionNodes(objects: ModelObjects, status: ModelDeploymentStatus): RevisionNode[] {
  const sets = objects.replicaSets.filter((set) => (set.status?.replicas ?? 0) > 0);
  const parts = [status.stable, status.target, status.trial, status.failedTarget];
  const numbers = new Set([
    ...sets.map(revisionOf),
    ...objects.pods.map(revisionOf),
    ...parts.map((part) => part?.revision ?? NaN),
  ]);
  return [...numbers]
    .filter((number) => !Number.isNaN(number))
    .sort((a, b) => b - a)
    .map((number) => revisionNode(number, objects, status));
}

function revisionNode(number: number, objects: ModelObjects, status: ModelDeploymentStatus): RevisionNode {
  const recorded = objects.revisions.find((revision) => revision.number === number);
  const told = [status.stable, status.target].find((info) => info?.revision === number);
  const pods = objects.pods.filter((pod) => revisionOf(pod) === number);
  const sets = objects.replicaSets.filter((set) => revisionOf(set) === number);
  return {
    revision: number,
    version: recorded?.version ?? told?.version,
    digest: recorded?.digest ?? told?.digest,
    role: roleOf(number, status),
    ...shareOf(number, objects, status),
    replicaSets: replicaSetNodes(sets, pods),
  };
}

function roleOf(number: number, { stable, trial, target, failedTarget }: ModelDeploymentStatus): Role {
  if (trial?.phase === 'Switched' && number === trial.from) return 'kept';
  if (trial?.revision === number && trial.phase !== 'Ending') return 'trial';
  if (failedTarget?.revision === number) return 'failed';
  if (stable?.revision === number || trial?.from === number) return 'stable';
  return target?.revision === number ? 'target' : 'old';
}

/** While it is promoted its pods are among those of the model, and nobody forwards. */
const FORWARDING = ['Starting', 'Running', 'Switched'];

function shareOf(number: number, { model }: ModelObjects, { trial }: ModelDeploymentStatus): Partial<RevisionNode> {
  if (trial === undefined || !FORWARDING.includes(trial.phase)) return {};
  const { weight, revision, from } = trial;
  if (number === from) return { percent: 100 - weight };
  if (number !== revision) return {};
  if (trial.strategy !== 'Shadow') return { percent: weight };
  return { copies: trial.phase === 'Running' ? withDefaults(model.spec).rollout.shadow.percent : 0 };
}

const ownerOf = ({ metadata }: Pod | ReplicaSet) => metadata.ownerReferences?.find(({ controller }) => controller);

function replicaSetNodes(sets: readonly ReplicaSet[], pods: readonly Pod[]): ReplicaSetNode[] {
  const owned = sets.map((set) => {
    const its = pods.filter((pod) => ownerOf(pod)?.uid === set.metadata.uid);
    return {
      name: set.metadata.name,
      deployment: ownerOf(set)?.name,
      created: set.metadata.creationTimestamp,
      replicas: set.status?.replicas ?? 0,
      // Pods that cannot be read are still counted by their ReplicaSet.
      ready: set.status?.readyReplicas ?? its.filter(isReady).length,
      pods: podNodes(its),
    };
  });
  // Without the right to read ReplicaSets the pods still tell whose they are.
  const known = new Set<string | undefined>(sets.map(({ metadata }) => metadata.uid));
  const strays = pods.filter((pod) => !known.has(ownerOf(pod)?.uid));
  const foreign = [...new Set(strays.map((pod) => ownerOf(pod)?.name ?? ''))].map((name) => {
    const its = strays.filter((pod) => (ownerOf(pod)?.name ?? '') === name);
    return { name, replicas: its.length, ready: its.filter(isReady).length, pods: podNodes(its) };
  });
  return [...owned, ...foreign].filter(({ replicas, pods: its }) => replicas > 0 || its.length > 0);
}

const podNodes = (pods: readonly Pod[]): PodNode[] => pods.map(podNode).sort((a, b) => a.name.localeCompare(b.name));

function podNode(pod: Pod): PodNode {
  const { name, creationTimestamp: created } = pod.metadata;
  const restarts = ourContainers(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
  return { name, created, restarts, ...stateOf(pod) };
}

function stateOf(pod: Pod): Pick<PodNode, 'state' | 'tone' | 'message'> {
  const { phase } = pod.status ?? {};
  if (isTerminating(pod)) return { state: 'Terminating', tone: 'off' };
  if (isReady(pod)) return { state: 'Ready', tone: 'good' };
  const finding = diagnosePod(pod);
  if (finding !== undefined) return { state: finding.reason, tone: 'bad', message: finding.message };
  if (phase === 'Succeeded') return { state: 'Done', tone: 'off' };
  if (isRunning(pod, 'fetch')) return { state: 'FetchingModel', tone: 'busy' };
  if (isRunning(pod, 'server')) return { state: 'LoadingModel', tone: 'busy' };
  if (isRunning(pod, 'resolve')) return { state: 'Resolving', tone: 'busy' };
  return { state: phase === 'Pending' ? 'Starting' : (phase ?? 'Pending'), tone: 'busy' };
}
