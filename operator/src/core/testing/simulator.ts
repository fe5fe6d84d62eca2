import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import type { FailureReason } from '@modeldeployment/modelpack/contract';
import { withDefaults } from '../../api/defaults.ts';
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent } from '../actions.ts';
import { shortHash } from '../hash.ts';
import { LABEL } from '../names.ts';
import { plan } from '../plan.ts';
import type { PatchOperation } from '../resources/deployment.ts';
import { readRevision } from '../revision.ts';
import type { Settings, World } from '../world.ts';

/**
 * A cluster in memory for tests of the decisions: it carries out plans, and plays the part of the Deployment controller,
 * the scheduler and the kubelet, one small step at a time. Real behaviour is tested by the stories; here it is about
 * every order of events.
 */

/** What happens to the pods of a model, by its digest. */
export type Fate = 'serves' | 'loads slowly' | { fails: FailureReason } | 'crashes' | 'unschedulable';

interface Child {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
}

const UID = 'uid-digits';
export const digestOf = (uri: string): string => `sha256:${shortHash(uri).padEnd(64, '0')}`;

export class Simulator {
  now = Date.parse('2026-01-01T00:00:00Z');
  readonly children = new Map<string, Child>();
  readonly fates = new Map<string, Fate>();
  /** Digest behind a tag; digestOf(uri) unless moved. */
  readonly tags = new Map<string, string>();
  readonly events: PlannedEvent[] = [];
  readonly writes: string[] = [];
  settings: Settings = { servingImage: 'serving:1', plainHttpRegistries: [] };
  status: ModelDeploymentStatus = {};
  generation = 1;
  ownsRollbackTo = false;
  private version = 1;
  private statusWrittenAt: number | undefined;

  constructor(public spec: ModelDeploymentSpec) {}

  /** A person applies a manifest: fields the operator wrote stay, as with kubectl apply. */
  applySpec(spec: ModelDeploymentSpec): void {
    const kept = this.ownsRollbackTo && spec.rollbackTo === undefined ? this.spec.rollbackTo : undefined;
    this.spec = kept === undefined ? spec : { ...spec, rollbackTo: kept };
    this.generation++;
  }

  get deployment(): IDeployment | undefined {
    return this.children.get('Deployment/digits') as unknown as IDeployment | undefined;
  }

  revisionInDeployment(): number {
    return Number(this.deployment?.spec?.template.metadata?.labels?.[LABEL.revision]);
  }

  readyRevisions(): number[] {
    const ready = this.pods().filter((pod) =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    );
    return [...new Set(ready.map((pod) => Number(pod.metadata?.labels?.[LABEL.revision])))].sort();
  }

  pods(): IPod[] {
    return this.ofKind<IPod>('Pod').filter((pod) => pod.metadata?.labels?.[LABEL.resolves] === undefined);
  }

  world(): World {
    return {
      now: this.now,
      settings: this.settings,
      model: {
        name: 'digits',
        namespace: 'default',
        uid: UID,
        generation: this.generation,
        resourceVersion: String(this.version),
        spec: withDefaults(this.spec),
        status: this.status,
        ownsRollbackTo: this.ownsRollbackTo,
      },
      deployment: this.deployment,
      replicaSets: this.ofKind<IReplicaSet>('ReplicaSet'),
      revisions: this.ofKind<IControllerRevision>('ControllerRevision')
        .map(readRevision)
        .filter((revision) => revision !== undefined)
        .sort((a, b) => a.number - b.number),
      pods: this.pods(),
      resolvers: this.ofKind<IPod>('Pod').filter((pod) => pod.metadata?.labels?.[LABEL.resolves] !== undefined),
      reports: [],
      measurements: [],
      service: this.ofKind<NonNullable<World['service']>>('Service')[0],
      disruptionBudget: this.ofKind<NonNullable<World['disruptionBudget']>>('PodDisruptionBudget')[0],
      serviceAccount: this.ofKind<NonNullable<World['serviceAccount']>>('ServiceAccount')[0],
      conflict: undefined,
      statusWrittenAt: this.statusWrittenAt,
    };
  }

  /**
   * One pass of the operator. With `crashAfter` the process dies after that many writes (the status counts as one) and
   * forgets what it remembered. Answers the number of writes that were made.
   */
  reconcile(crashAfter = Infinity): number {
    const { actions, status, events } = plan(this.world());
    let made = 0;
    for (const action of actions) {
      if (made >= crashAfter) return this.crash(made);
      this.carryOut(action);
      made++;
    }
    if (status !== undefined) {
      if (made >= crashAfter) return this.crash(made);
      if (actions.some((action) => action.do === 'rollbackTo'))
        throw new Error('the API server refuses a status of an older resourceVersion');
      this.status = structuredClone(status);
      this.statusWrittenAt = this.now;
      this.version++;
      this.writes.push('status');
      made++;
    }
    this.events.push(...events);
    return made;
  }

  /** Operator and cluster take turns until neither moves; fails when they never rest. */
  settle(): void {
    for (let turn = 0; turn < 200; turn++) {
      const wrote = this.reconcile();
      const moved = this.step();
      this.now += 1000;
      // What the operator has put off for a few seconds still belongs to coming to rest.
      const next = plan(this.world());
      const atRest =
        next.actions.length === 0 && next.status === undefined && (next.requeueAfterMs ?? Infinity) > 5_000;
      if (wrote === 0 && !moved && atRest) return;
    }
    throw new Error(`the cluster never came to rest: ${this.writes.slice(-12).join(', ')}`);
  }

  /** `kubectl rollout undo`: the Deployment gets the template of an earlier ReplicaSet, and its annotations. */
  undoTo(revision: number): void {
    const set = this.ofKind<IReplicaSet>('ReplicaSet').find(
      (s) => Number(s.metadata?.labels?.[LABEL.revision]) === revision,
    );
    if (set === undefined || this.deployment?.spec === undefined)
      throw new Error(`no ReplicaSet of revision ${revision}`);
    this.deployment.spec.template = structuredClone(set.spec?.template) as never;
    this.touch('Deployment/digits');
  }

  /** One step of the other controllers; false when nothing is left to do. */
  step(): boolean {
    return [
      this.resolveTags(),
      this.makeReplicaSet(),
      this.startPods(),
      this.retirePods(),
      this.reportDeployment(),
    ].includes(true);
  }

  private crash(made: number): number {
    this.statusWrittenAt = undefined;
    return made;
  }

  private ofKind<T>(kind: string): T[] {
    return [...this.children].filter(([key]) => key.startsWith(`${kind}/`)).map(([, child]) => child as T);
  }

  private put(object: { kind: string; metadata?: { name?: string } }): Child {
    const child = structuredClone(object) as unknown as Child;
    child.metadata.uid = `uid-${++this.version}`;
    child.metadata.resourceVersion = String(this.version);
    child.metadata['creationTimestamp'] = new Date(this.now).toISOString();
    this.children.set(`${child.kind}/${child.metadata.name}`, child);
    return child;
  }

  private touch(key: string): void {
    const child = this.children.get(key);
    if (child === undefined) return;
    child.metadata.resourceVersion = String(++this.version);
    child.metadata['generation'] = Number(child.metadata['generation'] ?? 1) + 1;
  }

  private carryOut(action: Action): void {
    this.writes.push(action.do === 'rollbackTo' ? 'rollbackTo' : `${action.do} ${action.kind}`);
    if (action.do === 'create') {
      const key = `${action.kind}/${action.object.metadata?.name}`;
      if (this.children.has(key)) throw new Error(`${key} exists already`);
      this.put(action.object);
    } else if (action.do === 'apply') {
      this.put(action.object);
    } else if (action.do === 'delete') {
      this.children.delete(`${action.kind}/${action.name}`);
    } else if (action.do === 'rollbackTo') {
      const { rollbackTo: _, ...spec } = this.spec;
      this.spec = action.value === undefined ? spec : { ...spec, rollbackTo: action.value };
      this.ownsRollbackTo = action.value !== undefined;
      this.generation++;
    } else {
      const key = `${action.kind}/${action.name}`;
      const child = this.children.get(key);
      if (child === undefined) throw new Error(`${key} does not exist`);
      for (const operation of action.operations) applyOperation(child, operation);
      this.touch(key);
    }
  }

  private resolveTags(): boolean {
    for (const pod of this.ofKind<IPod>('Pod')) {
      if (pod.metadata?.labels?.[LABEL.resolves] === undefined || pod.status !== undefined) continue;
      const uri = pod.spec?.containers[0]?.env?.find(({ name }) => name === 'MODEL_URI')?.value ?? '';
      const digest = this.tags.get(uri) ?? digestOf(uri);
      const missing = digest === 'missing';
      const message = JSON.stringify(
        missing ? { reason: 'ModelNotFound', message: `no ${uri}` } : { digest, bytes: 1 },
      );
      const terminated = { exitCode: missing ? 1 : 0, message, finishedAt: new Date(this.now).toISOString() };
      const containerStatuses = [
        { name: 'resolve', image: 'i', imageID: 'i', ready: false, restartCount: 0, state: { terminated } },
      ];
      pod.status = { phase: missing ? 'Failed' : 'Succeeded', containerStatuses };
      return true;
    }
    return false;
  }

  private makeReplicaSet(): boolean {
    const { deployment } = this;
    if (deployment?.spec === undefined) return false;
    const key = `ReplicaSet/digits-${shortHash(deployment.spec.template)}`;
    if (this.children.has(key)) return false;
    const { template } = deployment.spec;
    const labels = template.metadata?.labels;
    this.put({
      kind: 'ReplicaSet',
      metadata: { name: key.split('/')[1], labels } as never,
      spec: { template },
    } as never);
    return true;
  }

  private currentSet(): string {
    return `digits-${shortHash(this.deployment?.spec?.template)}`;
  }

  private startPods(): boolean {
    const { deployment } = this;
    if (deployment?.spec === undefined || deployment.spec.paused === true) return false;
    const mine = this.pods().filter((pod) => pod.metadata?.generateName === this.currentSet());
    for (const pod of mine) if (this.advance(pod)) return true;
    if (mine.length >= (deployment.spec.replicas ?? 1) || this.pods().length > (deployment.spec.replicas ?? 1))
      return false;
    const { metadata, spec } = deployment.spec.template;
    const labels = metadata?.labels;
    this.put({
      kind: 'Pod',
      metadata: { name: `digits-${this.version}`, generateName: this.currentSet(), labels } as never,
      spec,
    } as never);
    return true;
  }

  /** A new pod meets its fate. */
  private advance(pod: IPod): boolean {
    const digest = pod.spec?.initContainers?.[0]?.env?.find(({ name }) => name === 'MODEL_DIGEST')?.value ?? '';
    const fate = this.fates.get(digest) ?? 'serves';
    const before = JSON.stringify(pod.status);
    const container = { name: 'server', image: 'i', imageID: 'i', ready: fate === 'serves', restartCount: 0 };
    const condition = (type: string, value: boolean, reason?: string) => ({
      type,
      status: value ? 'True' : 'False',
      ...(reason === undefined ? {} : { reason }),
    });
    if (fate === 'serves') pod.status = { conditions: [condition('Ready', true)], containerStatuses: [container] };
    else if (fate === 'unschedulable') pod.status = { conditions: [condition('PodScheduled', false, 'Unschedulable')] };
    else if (fate === 'loads slowly')
      pod.status = { conditions: [condition('Ready', false)], containerStatuses: [container] };
    else {
      const message =
        fate === 'crashes' ? 'Aborted' : JSON.stringify({ reason: fate.fails, message: 'as told by the test' });
      const lastState = { terminated: { exitCode: 134, message } };
      pod.status = {
        conditions: [condition('Ready', false)],
        containerStatuses: [{ ...container, restartCount: 2, lastState }],
      };
    }
    return JSON.stringify(pod.status) !== before;
  }

  /** Old pods go one at a time, only when enough new ones are ready; surplus ones go too. */
  private retirePods(): boolean {
    const { deployment } = this;
    if (deployment?.spec === undefined || deployment.spec.paused === true) return false;
    const wanted = deployment.spec.replicas ?? 1;
    const isReady = (pod: IPod): boolean =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
    const [mine, others] = [
      this.pods().filter((pod) => pod.metadata?.generateName === this.currentSet()),
      this.pods().filter((pod) => pod.metadata?.generateName !== this.currentSet()),
    ];
    const readyAll = [...mine, ...others].filter(isReady).length;
    const victim =
      others.find((pod) => !isReady(pod)) ??
      (readyAll > wanted ? others[0] : undefined) ??
      (mine.length > wanted ? mine.at(-1) : undefined);
    return victim !== undefined && this.children.delete(`Pod/${victim.metadata?.name}`);
  }

  private reportDeployment(): boolean {
    const { deployment } = this;
    if (deployment === undefined) return false;
    const before = JSON.stringify(deployment.status);
    const pods = this.pods();
    const mine = pods.filter((pod) => pod.metadata?.generateName === this.currentSet());
    const ready = pods.filter((pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
    const counts = {
      replicas: pods.length,
      updatedReplicas: mine.length,
      readyReplicas: ready.length,
      availableReplicas: ready.length,
    };
    const previous = deployment.status?.conditions?.[0]?.lastUpdateTime;
    const moved =
      JSON.stringify(counts) !==
      JSON.stringify({ ...counts, ...deployment.status, conditions: undefined, observedGeneration: undefined });
    const lastUpdateTime = moved || previous === undefined ? new Date(this.now).toISOString() : previous;
    deployment.status = {
      observedGeneration: deployment.metadata?.generation ?? 1,
      ...counts,
      conditions: [{ type: 'Progressing', status: 'True', lastUpdateTime }],
    };
    return JSON.stringify(deployment.status) !== before;
  }
}

function applyOperation(target: object, { op, path, value }: PatchOperation): void {
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/'));
  const last = keys.pop() ?? '';
  let at = target as Record<string, unknown>;
  for (const key of keys) at = (at[key] ??= {}) as Record<string, unknown>;
  if (op === 'remove') delete at[last];
  else if (op !== 'test') at[last] = structuredClone(value);
}
