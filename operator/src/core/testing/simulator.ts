import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IPod, IService, IServiceAccount } from 'kubernetes-models/v1';
import { withDefaults } from '../../api/defaults.ts';
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedAction, Plan, PlannedEvent } from '../actions.ts';
import { plan, type PlanOfSituation, tellRefusals } from '../plan.ts';
import { type Children, recognise } from '../objects/recognise.ts';
import { readRevision, type Revision } from '../revisions/revision.ts';
import type { HttpRoute } from '../objects/http-route.ts';
import type { Settings, World } from '../world.ts';
import { makeWrites, type Refusal } from '../objects/writes.ts';
import { Cluster, NAME } from './cluster.ts';

import { type Answer, withAnswers } from '../objects/written.ts';
import { type ObjectStore, Refused } from './store.ts';
import type { Policy, Refuses } from './policy.ts';

const UID = 'uid-digits';
/** The object has changed since the decision. */
const STALE = Symbol('stale');

/** What the operator would do, and which state of the ModelDeployment it has seen. */
interface Decided extends PlanOfSituation {
  world: World;
  seen: { generation: number; status: ModelDeploymentStatus };
}

/** What is made of an object that never changes is kept beside it: exploring asks for it millions of times. */
function kept<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, { value: V }>();
  return (key) => {
    const entry = made.get(key) ?? { value: make(key) };
    made.set(key, entry);
    return entry.value;
  };
}
const fullSpecOf = kept(withDefaults);
const readers = new Map<string, (object: IControllerRevision) => Revision | undefined>();

/** Read once: the simulated cluster shares its objects. */
function revisionsBy(servingImage: string): (object: IControllerRevision) => Revision | undefined {
  const reader = readers.get(servingImage) ?? kept((object) => readRevision(object, servingImage));
  readers.set(servingImage, reader);
  return reader;
}

/** Writes that a whole pass would make. */
export const writesOf = ({ actions, status }: Plan): number => actions.length + (status === undefined ? 0 : 1);

/** A ModelDeployment in a cluster in memory, and the operator, whose plans are carried out. */
export class Simulator extends Cluster {
  readonly events: PlannedEvent[] = [];
  readonly writes: string[] = [];
  settings: Settings = {
    servingImage: 'serving:1',
    plainHttpRegistries: [],
    caBundle: undefined,
    pullSecrets: [],
    fixedIds: true,
  };
  status: ModelDeploymentStatus = {};
  generation = 1;
  ownsRollbackTo = false;
  /** What the pods of a trial have counted; of one trial only, when it is named. */
  reports: World['reports'] = [];
  /** What the pods found when they warmed up. */
  warmups: World['warmups'] = [];
  refuses: Refuses | undefined;
  /** The admission policy that is in force. */
  policy: Policy | undefined;
  reportsOf: string | undefined;
  /** When this process of the operator wrote the status last; lost with it. */
  statusWrittenAt: number | undefined;
  /** Uids of children that the operator has seen. */
  readonly known = new Set<string>();

  constructor(
    public spec: ModelDeploymentSpec,
    store?: ObjectStore,
  ) {
    super(store);
  }

  /** A copy that goes on by itself. */
  clone(): Simulator {
    const copy = new Simulator(this.spec, this.store.clone());
    for (const uid of this.known) copy.known.add(uid);
    copy.settings = this.settings;
    copy.reports = this.reports;
    copy.warmups = this.warmups;
    copy.reportsOf = this.reportsOf;
    copy.status = this.status;
    copy.generation = this.generation;
    copy.ownsRollbackTo = this.ownsRollbackTo;
    copy.pausedByPerson = this.pausedByPerson;
    copy.noRoutes = this.noRoutes;
    copy.gatewayIsDead = this.gatewayIsDead;
    copy.refuses = this.refuses;
    copy.policy = this.policy;
    copy.statusWrittenAt = this.statusWrittenAt;
    for (const [digest, fate] of this.fates) copy.fates.set(digest, fate);
    return copy;
  }

  /** From now on this policy is in force, or none. */
  enforce(policy: Policy | undefined): void {
    this.policy = policy;
    this.refuses = policy?.refuses;
    this.store.admission = policy?.admit ?? ((object) => object);
  }

  /** A person applies a manifest: fields the operator wrote stay, as with kubectl apply. */
  applySpec(spec: ModelDeploymentSpec): void {
    const kept = this.ownsRollbackTo && spec.rollbackTo === undefined ? this.spec.rollbackTo : undefined;
    this.spec = kept === undefined ? spec : { ...spec, rollbackTo: kept };
    this.generation++;
  }

  /** What has been counted during the present trial. */
  get counted(): World['reports'] {
    return this.reportsOf === undefined || this.reportsOf === this.status.trial?.id ? this.reports : [];
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
        spec: fullSpecOf(this.spec),
        status: this.status,
        ownsRollbackTo: this.ownsRollbackTo,
        requestedBy: undefined,
        why: undefined,
      },
      ...this.children(),
      reports: this.counted,
      measurements: [],
      warmups: this.warmups,
      routes: this.noRoutes ?? store.list<HttpRoute>('HTTPRoute'),
      statusWrittenAt: this.statusWrittenAt,
    };
  }

  /** What the operator sees of its children. */
  private children(): Children {
    const { store } = this;
    const candidates = {
      deployments: store.list<IDeployment>('Deployment'),
      replicaSets: store.list<IReplicaSet>('ReplicaSet'),
      pods: store.list<IPod>('Pod'),
      revisions: store.list<IControllerRevision>('ControllerRevision'),
      services: store.list<IService>('Service'),
      disruptionBudgets: store.list<IPodDisruptionBudget>('PodDisruptionBudget'),
      serviceAccounts: store.list<IServiceAccount>('ServiceAccount'),
    };
    return recognise(
      { name: NAME, namespace: 'default', uid: UID },
      candidates,
      this.known,
      revisionsBy(this.settings.servingImage),
    );
  }

  /** What the operator would do about the world as it is now. */
  decide(): Decided {
    const { generation, status } = this;
    const world = this.world();
    return { ...plan(world), world, seen: { generation, status } };
  }

  /**
   * One pass of the operator. With `crashAfter` the process dies after that many writes (the status counts as one) and
   * forgets what it remembered. With `decided`, on an older view, its writes meet the world as it is now.
   * Answers the number of writes that were made.
   */
  reconcile(crashAfter = Infinity, decided: Decided = this.decide()): number {
    const { seen } = decided;
    const answers: Answer[] = [];
    const current = seen.generation === this.generation && seen.status === this.status;
    const world = this.refuses === undefined ? undefined : this.world();
    let made = 0;
    const writes = makeWrites(decided.actions);
    let next = writes.next();
    for (; next.done !== true;) {
      if (made >= crashAfter) return this.crash(made);
      const failure = this.failureOf(next.value, current, answers);
      if (failure === undefined) made++;
      next = writes.next(failure);
    }
    const refusals = next.value.map(({ error }) => error).filter((error): error is Refusal => error !== STALE);
    if (next.value.length > refusals.length && refusals.length === 0) return made;
    const said =
      world === undefined || refusals.length === 0
        ? decided
        : { ...decided, ...tellRefusals(world, decided, refusals) };
    const { status, events } = withAnswers(decided.world, said, answers);
    if (status !== undefined) {
      if (made >= crashAfter) return this.crash(made);
      if (refusals.length === 0 && decided.actions.some((action) => action.do === 'rollbackTo'))
        throw new Error('the API server refuses a status of an older resourceVersion');
      if (seen.generation !== this.generation || seen.status !== this.status) return made;
      this.status = status;
      this.statusWrittenAt = this.now;
      this.store.version++;
      this.writes.push('status');
      made++;
    }
    this.events.push(...events);
    return made;
  }

  /** One pass of which the API server refuses one write. */
  reconcileWithout(action: Action, decided: Decided): number {
    const { refuses } = this;
    this.refuses = (one) => (one === action ? { reason: 'WriteRefused', message: 'refused' } : refuses?.(one));
    const made = this.reconcile(Infinity, decided);
    this.refuses = refuses;
    return made;
  }

  /** Operator and cluster take turns until neither moves; fails when they never rest. */
  settle(): void {
    let next = this.decide();
    for (let turn = 0; turn < 500; turn++) {
      const wrote = this.reconcile(Infinity, next);
      const moved = this.step();
      this.now += 300;
      // What the operator has put off for a few seconds still belongs to coming to rest.
      next = this.decide();
      const hindered = next.actions.some((action) => this.refuses?.(action) !== undefined);
      const idle = next.actions.length === 0 && next.status === undefined;
      const atRest = (idle || hindered) && (next.requeueAfterMs ?? Infinity) > 5_000;
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

  private crash(made: number): number {
    this.statusWrittenAt = undefined;
    return made;
  }

  private mayRollBack({ deploymentVersion }: Action & { do: 'rollbackTo' }, current: boolean): boolean {
    return (
      current && (deploymentVersion === undefined || deploymentVersion === this.deployment?.metadata?.resourceVersion)
    );
  }

  /** Why the write was not made, if it was not. */
  private failureOf(action: PlannedAction, current: boolean, answers: Answer[]): Refusal | typeof STALE | undefined {
    const refused = this.refuses?.(action);
    if (refused !== undefined) return { ...refused, isStep: action.step !== undefined };
    if (action.do === 'rollbackTo' && !this.mayRollBack(action, current)) return STALE;
    try {
      const stored = this.carryOut(action);
      if (stored !== undefined) answers.push({ action, stored });
      return undefined;
    } catch (error) {
      if (error instanceof Refused) return STALE;
      throw error;
    }
  }

  private carryOut(action: Action): object | undefined {
    const { store } = this;
    this.writes.push(action.do === 'rollbackTo' ? 'rollbackTo' : `${action.do} ${action.kind}`);
    switch (action.do) {
      case 'create':
        return store.create(action.object);
      case 'apply':
        return store.apply(action.object);
      case 'delete':
        store.delete(action.kind, action.name, action.uid, action.propagation);
        return undefined;
      case 'patch':
        return store.patch(action.kind, action.name, action.operations);
      case 'rollbackTo': {
        const { rollbackTo: _, ...spec } = this.spec;
        this.spec = action.value === undefined ? spec : { ...spec, rollbackTo: action.value };
        this.ownsRollbackTo = action.value !== undefined;
        this.generation++;
        return undefined;
      }
    }
  }
}
