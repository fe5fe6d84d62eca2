import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod, IService } from 'kubernetes-models/v1';
import { canaryName, LABEL } from '../names.ts';
import type { BackendRef, HttpRoute, NoRoutes } from '../objects/http-route.ts';
import { deploymentController, garbageCollector, gatewayController, replicaSetController } from './controllers.ts';
import { type Fate, modelPods, resolveTags, startPods } from './kubelet.ts';
import { isReadyPod, matches, ObjectStore } from './store.ts';

export const NAME = 'digits';

/**
 * A cluster in memory: the objects of one ModelDeployment, Kubernetes' controllers and the kubelet, which go on one small
 * step at a time, and people with kubectl. Real behaviour is tested by the stories; here it is about every order of events.
 */
export class Cluster {
  readonly fates = new Map<string, Fate>();
  /** Digest behind a tag; digestOf(uri) unless moved. */
  readonly tags = new Map<string, string>();
  pausedByPerson = false;
  /** Undefined: the cluster has Gateway API, and these are its routes. */
  noRoutes: NoRoutes | undefined;
  gatewayIsDead = false;

  constructor(readonly store = new ObjectStore()) {}

  get now(): number {
    return this.store.now;
  }

  set now(ms: number) {
    this.store.now = ms;
  }

  get deployment(): IDeployment | undefined {
    return this.store.get<IDeployment>('Deployment', NAME);
  }

  get canary(): IDeployment | undefined {
    return this.store.get<IDeployment>('Deployment', canaryName(NAME));
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
    return modelPods(this.store);
  }

  /** `kubectl rollout undo`: the Deployment gets the template of an earlier ReplicaSet, and its annotations. */
  undoTo(revision: number): void {
    const set = this.store.list<IReplicaSet>('ReplicaSet').find((one) => revisionOf(one) === revision);
    const { deployment } = this;
    if (set === undefined || deployment?.spec === undefined) throw new Error(`no ReplicaSet of revision ${revision}`);
    this.store.patch('Deployment', NAME, [
      { op: 'replace', path: '/spec/template', value: set.spec?.template },
      { op: 'replace', path: '/metadata/annotations', value: { ...set.metadata?.annotations } },
    ]);
  }

  /** `kubectl rollout pause` and `resume`. */
  setPaused(paused: boolean): void {
    this.pausedByPerson = paused;
    this.store.patch('Deployment', NAME, [{ op: 'add', path: '/spec/paused', value: paused }]);
  }

  /** One step of everybody else; false when nothing is left to do. */
  step(): boolean {
    const { store } = this;
    const moved = [
      resolveTags(store, this.tags),
      deploymentController(store),
      !this.gatewayIsDead && gatewayController(store),
      replicaSetController(store),
      startPods(store, this.fates),
      garbageCollector(store),
    ];
    return moved.includes(true);
  }
}

const revisionOf = (object: IPod | IReplicaSet): number => Number(object.metadata?.labels?.[LABEL.revision]);
