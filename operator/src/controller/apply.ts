import { apiVersionOf, isAlreadyExists, isConflict, isNotFound } from '../runtime/index.ts';
import type { KubeClient, KubeObject, Log, Store } from '../runtime/index.ts';
import type { ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { Action, ChildKind, WrittenKind } from '../core/actions.ts';
import { LABEL } from '../core/names.ts';
import type { Expected } from '../core/objects/unseen.ts';
import type { ModelView } from '../core/world.ts';
import { isControlledBy } from './observe.ts';
import { MODEL_DEPLOYMENTS, WRITTEN } from './resources.ts';
import type { HttpRouteInformer, Informers, LiveModel } from './watches.ts';

/** A name that is needed belongs to somebody else; never adopted, never overwritten. */
export class NameConflictError extends Error {
  override readonly name = 'NameConflictError';
}

/** The Deployment is no longer what the decision saw: decide anew. */
export class StaleDecisionError extends Error {
  override readonly name = 'StaleDecisionError';
}

/** The one place that writes. Every answer goes into the cache at once, so that the next pass sees its own writes. */
export class Applier {
  constructor(
    private readonly client: KubeClient,
    private readonly informers: Informers,
    private readonly routes: HttpRouteInformer | undefined,
    private readonly log: Log,
  ) {}

  /** Answers the object as it is stored since; undefined when there is none, or it is not the answer to a write of ours. */
  async apply(model: ModelView, action: Action): Promise<KubeObject | undefined> {
    const { because } = action;
    this.log.info(
      { namespace: model.namespace, model: model.name, do: action.do, object: nameOf(action), because },
      'writing',
    );
    switch (action.do) {
      case 'create':
        return this.create(model, action.kind, action.object);
      case 'apply': {
        const written = await this.client.apply<KubeObject>(WRITTEN[action.kind], action.object, { force: true });
        this.store(action.kind).observeWrite(written);
        return written;
      }
      case 'patch': {
        const ref = { namespace: model.namespace, name: action.name };
        const patch = action.operations as Parameters<KubeClient['jsonPatch']>[2];
        const written = await this.client.jsonPatch<KubeObject>(WRITTEN[action.kind], ref, patch);
        this.store(action.kind).observeWrite(written);
        return written;
      }
      case 'delete':
        await this.delete(model, action);
        return undefined;
      case 'rollbackTo':
        await this.writeRollback(model, action);
        return undefined;
    }
  }

  /** Reads a child itself, whatever the caches hold; undefined when there is none. */
  async read(model: ModelView, { kind, name }: Expected): Promise<KubeObject | undefined> {
    try {
      return await this.client.get<KubeObject>(WRITTEN[kind], { namespace: model.namespace, name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Reads what has the label by which a Deployment selects its pods: nobody takes that away from a pod that is to stay. */
  async readAll({ namespace, name }: ModelView, kind: 'Pod' | 'ReplicaSet'): Promise<KubeObject[]> {
    const labelSelector = `${LABEL.model}=${name}`;
    return (await this.client.listAll<KubeObject>(WRITTEN[kind], { namespace, labelSelector })).items;
  }

  /** Replaces the whole status; the resourceVersion fences off a pass that saw an older object. */
  async writeStatus(model: ModelView, status: ModelDeploymentStatus): Promise<void> {
    const patch = [
      { op: 'replace' as const, path: '/metadata/resourceVersion', value: model.resourceVersion },
      { op: 'add' as const, path: '/status', value: status },
    ];
    const written = await this.client.jsonPatch<LiveModel>(MODEL_DEPLOYMENTS, model, patch, { subresource: 'status' });
    this.informers.models.store.observeWrite(written);
  }

  private async create(
    model: ModelView,
    kind: ChildKind,
    object: (Action & { do: 'create' })['object'],
  ): Promise<KubeObject | undefined> {
    const type = WRITTEN[kind];
    try {
      const written = await this.client.create<KubeObject>(type, object);
      this.store(kind).observeWrite(written);
      return written;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const live = await this.client.get<KubeObject>(type, {
        namespace: model.namespace,
        name: object.metadata?.name ?? '',
      });
      if (!isControlledBy(live, model.uid)) {
        const message = `${kind} ${model.namespace}/${live.metadata.name} exists and does not belong to this ModelDeployment; rename or delete one of them`;
        throw new NameConflictError(message);
      }
      // Ours, from a pass whose answer was lost. Who else has changed it meanwhile, this does not tell.
      this.store(kind).observeWrite(live);
      return undefined;
    }
  }

  private async delete(model: ModelView, { kind, name, uid, propagation }: Action & { do: 'delete' }): Promise<void> {
    const options = { uid, ...(propagation === undefined ? {} : { propagationPolicy: propagation }) };
    try {
      const left = await this.client.delete<KubeObject>(WRITTEN[kind], { namespace: model.namespace, name }, options);
      if (left === undefined) this.store(kind).observeDelete(uid);
      else this.store(kind).observeWrite(left);
    } catch (error) {
      // Gone already, or another object by that name now: nothing of ours is left to delete.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  private async writeRollback(model: ModelView, action: Action & { do: 'rollbackTo' }): Promise<void> {
    const { namespace, name } = model;
    if (action.deploymentVersion !== undefined) {
      const live = await this.client.get<KubeObject>(WRITTEN.Deployment, { namespace, name });
      if (live.metadata.resourceVersion !== action.deploymentVersion) {
        throw new StaleDecisionError(`deployment/${name} has changed meanwhile`);
      }
    }
    const manifest = {
      apiVersion: apiVersionOf(MODEL_DEPLOYMENTS),
      kind: MODEL_DEPLOYMENTS.kind,
      metadata: { namespace, name, resourceVersion: model.resourceVersion },
      spec: action.value === undefined ? {} : { rollbackTo: action.value },
    };
    const written = await this.client.apply<LiveModel>(MODEL_DEPLOYMENTS, manifest, { force: true });
    this.informers.models.store.observeWrite(written);
  }

  private store(kind: WrittenKind): Store<KubeObject> {
    const { informers } = this;
    const stores: Record<WrittenKind, Store<never> | undefined> = {
      ControllerRevision: informers.revisions.store as Store<never>,
      Deployment: informers.deployments.store as Store<never>,
      Pod: informers.pods.store as Store<never>,
      PodDisruptionBudget: informers.disruptionBudgets.store as Store<never>,
      ReplicaSet: informers.replicaSets.store as Store<never>,
      Service: informers.services.store as Store<never>,
      ServiceAccount: informers.serviceAccounts.store as Store<never>,
      HTTPRoute: this.routes?.store as Store<never> | undefined,
    };
    const store = stores[kind];
    if (store === undefined) throw new TypeError(`${kind} is not watched`);
    return store;
  }
}

/** The object of an action, as `Service/digits`. */
export function nameOf(action: Action): string {
  switch (action.do) {
    case 'create':
    case 'apply':
      return `${action.kind}/${action.object.metadata?.name}`;
    case 'patch':
    case 'delete':
      return `${action.kind}/${action.name}`;
    case 'rollbackTo':
      return 'spec.rollbackTo';
  }
}
