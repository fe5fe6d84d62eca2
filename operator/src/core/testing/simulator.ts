import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod, IService } from 'kubernetes-models/v1';
import type { FailureReason } from '@modeldeployment/modelpack/contract';
import { withDefaults } from '../../api/defaults.ts';
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent } from '../actions.ts';
import { shortHash } from '../hash.ts';
import { canaryName, LABEL } from '../names.ts';
import { plan } from '../plan.ts';
import { readRevision } from '../revision.ts';
import type { BackendRef, HttpRoute, NoRoutes } from '../http-route.ts';
import type { Settings, World } from '../world.ts';
import {
  type Controller,
  deploymentController,
  garbageCollector,
  gatewayController,
  replicaSetController,
} from './controllers.ts';
import { isReadyPod, matches, ObjectStore, Refused, type Stored } from './store.ts';

/**
 * A cluster in memory for tests of the decisions: it carries out plans, and plays the part of Kubernetes' controllers and
 * of the kubelet, one small step at a time. Real behaviour is tested by the stories; here it is about every order of
 * events.
 */

/** What happens to the pods of a model, by its digest. */
export type Fate = 'serves' | 'loads slowly' | { fails: FailureReason } | 'crashes' | 'unschedulable';

const UID = 'uid-digits';
export const NAME = 'digits';
export const digestOf = (uri: string): string => `sha256:${shortHash(uri).padEnd(64, '0')}`;

export class Simulator {
  readonly fates = new Map<string, Fate>();
  /** Digest behind a tag; digestOf(uri) unless moved. */
  readonly tags = new Map<string, string>();
  readonly events: PlannedEvent[] = [];
  readonly writes: string[] = [];
  settings: Settings = { servingImage: 'serving:1', plainHttpRegistries: [] };
  status: ModelDeploymentStatus = {};
  generation = 1;
  ownsRollbackTo = false;
  pausedByPerson = false;
  /** What the pods of a trial have counted. */
  reports: World['reports'] = [];
  /** Undefined: the cluster has Gateway API, and these are its routes. */
  noRoutes: NoRoutes | undefined;
  gatewayIsDead = false;
  private statusWrittenAt: number | undefined;

  constructor(
    public spec: ModelDeploymentSpec,
    readonly store = new ObjectStore(),
  ) {}

  get now(): number {
    return this.store.now;
  }

  set now(ms: number) {
    this.store.now = ms;
  }

  /** A copy that goes on by itself. */
  clone(): Simulator {
    const copy = new Simulator(this.spec, this.store.clone());
    copy.settings = this.settings;
    copy.status = this.status;
    copy.generation = this.generation;
    copy.ownsRollbackTo = this.ownsRollbackTo;
    copy.pausedByPerson = this.pausedByPerson;
    copy.noRoutes = this.noRoutes;
    copy.gatewayIsDead = this.gatewayIsDead;
    copy.statusWrittenAt = this.statusWrittenAt;
    for (const [digest, fate] of this.fates) copy.fates.set(digest, fate);
    return copy;
  }

  /** A person applies a manifest: fields the operator wrote stay, as with kubectl apply. */
  applySpec(spec: ModelDeploymentSpec): void {
    const kept = this.ownsRollbackTo && spec.rollbackTo === undefined ? this.spec.rollbackTo : undefined;
    this.spec = kept === undefined ? spec : { ...spec, rollbackTo: kept };
    this.generation++;
  }

  get deployment(): IDeployment | undefined {
    return this.store.get<IDeployment>('Deployment', NAME);
  }

  get canary(): IDeployment | undefined {
    return this.store.get<IDeployment>('Deployment', canaryName(NAME));
  }

  private get routes(): World['routes'] {
    return this.noRoutes ?? this.store.list<HttpRoute>('HTTPRoute');
  }

  /** A person writes an HTTPRoute whose only rule has these backends. */
  applyRoute(name: string, backendRefs: BackendRef[]): void {
    const object = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name } };
    this.store.apply({ ...this.store.get('HTTPRoute', name), ...object, spec: { rules: [{ backendRefs }] } });
  }

  deleteRoute(name: string): boolean {
    const route = this.store.get('HTTPRoute', name);
    if (route !== undefined) this.store.remove(route);
    return route !== undefined;
  }

  backendsOf(name: string): readonly BackendRef[] | undefined {
    return this.store.get<HttpRoute>('HTTPRoute', name)?.spec?.rules?.[0]?.backendRefs;
  }

  revisionInDeployment(): number {
    return Number(this.deployment?.spec?.template.metadata?.labels?.[LABEL.revision]);
  }

  readyRevisions(): number[] {
    return [...new Set(this.pods().filter(isReadyPod).map(revisionOf))].sort();
  }

  /** Ready pods that the Service reaches, by revision. */
  endpoints(): Record<number, number> {
    const selector = this.store.get<IService>('Service', NAME)?.spec?.selector;
    const counts: Record<number, number> = {};
    for (const pod of this.pods().filter((one) => isReadyPod(one) && matches(one.metadata?.labels, selector)))
      counts[revisionOf(pod)] = (counts[revisionOf(pod)] ?? 0) + 1;
    return counts;
  }

  pods(): IPod[] {
    return this.store.list<IPod>('Pod').filter((pod) => pod.metadata?.labels?.[LABEL.resolves] === undefined);
  }

  world(): World {
    const { store } = this;
    return {
      now: this.now,
      settings: this.settings,
      model: {
        name: NAME,
        namespace: 'default',
        uid: UID,
        generation: this.generation,
        resourceVersion: String(store.version),
        spec: withDefaults(this.spec),
        status: this.status,
        ownsRollbackTo: this.ownsRollbackTo,
        requestedBy: undefined,
        why: undefined,
      },
      deployment: this.deployment,
      canary: this.canary,
      replicaSets: store.list<IReplicaSet>('ReplicaSet'),
      revisions: store
        .list<IControllerRevision>('ControllerRevision')
        .map(readRevision)
        .filter((revision) => revision !== undefined)
        .sort((a, b) => a.number - b.number),
      pods: this.pods(),
      resolvers: store.list<IPod>('Pod').filter((pod) => pod.metadata?.labels?.[LABEL.resolves] !== undefined),
      reports: this.reports,
      measurements: [],
      routes: this.routes,
      service: store.get<IService>('Service', NAME),
      preview: store.get<IService>('Service', canaryName(NAME)),
      disruptionBudget: store.get<NonNullable<World['disruptionBudget']>>('PodDisruptionBudget', NAME),
      serviceAccount: store.get<NonNullable<World['serviceAccount']>>('ServiceAccount', NAME),
      conflict: undefined,
      statusWrittenAt: this.statusWrittenAt,
    };
  }

  /**
   * One pass of the operator. With `crashAfter` the process dies after that many writes (the status counts as one) and
   * forgets what it remembered. With `seen` it decides on that older view, and its writes meet the world as it is now.
   * Answers the number of writes that were made.
   */
  reconcile(crashAfter = Infinity, seen: Simulator = this): number {
    const { actions, status, events } = plan(seen.world());
    const current = seen.generation === this.generation && seen.status === this.status;
    let made = 0;
    for (const action of actions) {
      if (made >= crashAfter) return this.crash(made);
      if (action.do === 'rollbackTo' && !this.mayRollBack(action, current)) return made;
      if (!this.carriedOut(action)) return made;
      made++;
    }
    if (status !== undefined) {
      if (made >= crashAfter) return this.crash(made);
      if (actions.some((action) => action.do === 'rollbackTo'))
        throw new Error('the API server refuses a status of an older resourceVersion');
      if (!current) return made;
      this.status = status;
      this.statusWrittenAt = this.now;
      this.store.version++;
      this.writes.push('status');
      made++;
    }
    this.events.push(...events);
    return made;
  }

  /** Operator and cluster take turns until neither moves; fails when they never rest. */
  settle(): void {
    for (let turn = 0; turn < 500; turn++) {
      const wrote = this.reconcile();
      const moved = this.step();
      this.now += 300;
      // What the operator has put off for a few seconds still belongs to coming to rest.
      const next = plan(this.world());
      const atRest =
        next.actions.length === 0 && next.status === undefined && (next.requeueAfterMs ?? Infinity) > 5_000;
      if (wrote === 0 && !moved && atRest) return;
    }
    throw new Error(`the cluster never came to rest: ${this.writes.slice(-12).join(', ')}`);
  }

  /** Settles again and again while time passes, until `done`, as when the steps of a trial go by. */
  settleUntil(done: () => boolean, limitMs = 3_600_000): void {
    const end = this.now + limitMs;
    for (this.settle(); !done(); this.settle()) {
      if (this.now > end) throw new Error(`not within ${limitMs} ms: ${JSON.stringify(this.status)}`);
      this.now += 5_000;
    }
  }

  /** `kubectl rollout undo`: the Deployment gets the template of an earlier ReplicaSet. */
  undoTo(revision: number): void {
    const set = this.store.list<IReplicaSet>('ReplicaSet').find((one) => revisionOf(one) === revision);
    const { deployment } = this;
    if (set === undefined || deployment?.spec === undefined) throw new Error(`no ReplicaSet of revision ${revision}`);
    this.store.patch('Deployment', NAME, [{ op: 'replace', path: '/spec/template', value: set.spec?.template }]);
  }

  /** One step of everybody else; false when nothing is left to do. */
  step(): boolean {
    const everybody: Controller[] = [
      (store) => this.resolveTags(store),
      deploymentController,
      (store) => !this.gatewayIsDead && gatewayController(store),
      replicaSetController,
      (store) => this.startPods(store),
      garbageCollector,
    ];
    return everybody.map((controller) => controller(this.store)).includes(true);
  }

  private crash(made: number): number {
    this.statusWrittenAt = undefined;
    return made;
  }

  /** Writes that a whole pass would make now. */
  pendingWrites(): number {
    const { actions, status } = plan(this.world());
    return actions.length + (status === undefined ? 0 : 1);
  }

  /** The moment that `timePasses` leaves behind. */
  get moment(): string {
    return new Date(this.now).toISOString();
  }

  /** Whatever was begun just now began long ago; false when nothing was. */
  timePasses(): boolean {
    const { trial } = this.status;
    const waits = trial?.phase === 'Running' || trial?.phase === 'Switched';
    if (!waits || trial.since !== this.moment) return false;
    this.status = { ...this.status, trial: { ...trial, since: '2020-01-01T00:00:00.000Z' } };
    return true;
  }

  setPaused(paused: boolean): void {
    this.pausedByPerson = paused;
    this.store.patch('Deployment', NAME, [{ op: 'add', path: '/spec/paused', value: paused }]);
  }

  private mayRollBack({ deploymentVersion }: Action & { do: 'rollbackTo' }, current: boolean): boolean {
    return (
      current && (deploymentVersion === undefined || deploymentVersion === this.deployment?.metadata?.resourceVersion)
    );
  }

  private carriedOut(action: Action): boolean {
    try {
      this.carryOut(action);
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  private carryOut(action: Action): void {
    const { store } = this;
    this.writes.push(action.do === 'rollbackTo' ? 'rollbackTo' : `${action.do} ${action.kind}`);
    switch (action.do) {
      case 'create':
        store.create(action.object);
        return;
      case 'apply':
        return store.apply(action.object);
      case 'delete':
        return store.delete(action.kind, action.name, action.uid, action.propagation);
      case 'patch':
        return store.patch(action.kind, action.name, action.operations);
      case 'rollbackTo': {
        const { rollbackTo: _, ...spec } = this.spec;
        this.spec = action.value === undefined ? spec : { ...spec, rollbackTo: action.value };
        this.ownsRollbackTo = action.value !== undefined;
        this.generation++;
      }
    }
  }

  private resolveTags(store: ObjectStore): boolean {
    for (const pod of store.list<IPod>('Pod')) {
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

  /** A new pod meets its fate, and one that has finished its work is gone. */
  startPods(store = this.store): boolean {
    for (const pod of this.pods()) {
      if (Date.parse(String(pod.metadata?.deletionTimestamp)) <= this.now) {
        store.remove(pod as object as Stored);
        return true;
      }
      const digest = pod.spec?.initContainers?.[0]?.env?.find(({ name }) => name === 'MODEL_DIGEST')?.value ?? '';
      const status = statusFor(this.fates.get(digest) ?? 'serves');
      if (pod.status === status) continue;
      pod.status = status;
      store.touch(pod as object as Stored);
      return true;
    }
    return false;
  }
}

const revisionOf = (object: IPod | IReplicaSet): number => Number(object.metadata?.labels?.[LABEL.revision]);

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
