import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { PlannedEvent } from '../../core/actions.ts';
import {
  type EventRecorder,
  KubeClient,
  type KubeObject,
  NotLeaderError,
  type Reconcile,
  type Result,
} from '../../runtime/index.ts';
import { silentLog } from '../../runtime/log.ts';
import { eventually } from '../../runtime/testing/eventually.ts';
import { FakeApiServer } from '../../runtime/testing/fake-api-server.ts';
import { Applier } from '../apply.ts';
import { makeReconcile } from '../reconcile.ts';
import { MODEL_DEPLOYMENTS, WRITTEN } from '../resources.ts';
import type { TrialReports } from '../trial-reports.ts';
import type { WarmupReports } from '../warmup-reports.ts';
import { type Informers, makeInformers } from '../watches.ts';

export type StoredModel = KubeObject & { status?: ModelDeploymentStatus };

/** The controller with its watches before a small API server; its passes are made when a test says so. */
export class TestOperator {
  readonly events: PlannedEvent[] = [];
  leads = true;
  private readonly reconcile: Reconcile;

  private constructor(
    readonly server: FakeApiServer,
    readonly informers: Informers,
    private readonly client: KubeClient,
    private readonly stopping: AbortController,
    private readonly running: Promise<unknown>,
  ) {
    this.reconcile = this.makeReconcile();
  }

  static async start(): Promise<TestOperator> {
    const server = await FakeApiServer.start([MODEL_DEPLOYMENTS, ...Object.values(WRITTEN)]);
    const stopping = new AbortController();
    const client = new KubeClient({ connection: server.connection, userAgent: 'test', fieldManager: 'test' });
    const informers = makeInformers({ client, namespaces: [], log: silentLog });
    const running = Promise.all(Object.values(informers).map((informer) => informer.run(stopping.signal)));
    await Promise.all(Object.values(informers).map((informer) => informer.waitForSync()));
    return new TestOperator(server, informers, client, stopping, running);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.server.close();
    await this.running;
  }

  private makeReconcile(): Reconcile {
    const writer = this.client.fenced(() => {
      if (!this.leads) throw new NotLeaderError('the test has taken the lease away');
    });
    const trials = { of: () => ({ reports: [], measurements: [] }), follow: () => {}, forget: () => {} };
    const warmups = { of: () => ({ warmups: [] }), follow: () => {}, forget: () => {} };
    return makeReconcile({
      informers: this.informers,
      routes: undefined,
      applier: new Applier(writer, this.informers, undefined, silentLog),
      recorder: {
        record: (_: unknown, event: PlannedEvent) => this.events.push(event),
      } as unknown as EventRecorder,
      trials: trials as unknown as TrialReports,
      warmups: warmups as unknown as WarmupReports,
      settings: {
        servingImage: 'serving:1',
        plainHttpRegistries: [],
        caBundle: undefined,
        pullSecrets: [],
        fixedIds: true,
      },
      now: Date.now,
    });
  }

  /** One pass about a ModelDeployment. */
  async pass(name = 'digits'): Promise<Result | undefined> {
    return this.reconcile({ namespace: 'default', name }, this.stopping.signal);
  }

  stored(name = 'digits'): StoredModel | undefined {
    return this.server.storage.get<StoredModel>(MODEL_DEPLOYMENTS, { namespace: 'default', name });
  }

  /** A person applies a ModelDeployment; resolves once the operator sees it. */
  async apply(spec: ModelDeploymentSpec, name = 'digits'): Promise<void> {
    const before = this.stored(name);
    const generation = (before?.metadata.generation ?? 0) + 1;
    this.server.storage.put(MODEL_DEPLOYMENTS, {
      apiVersion: 'modelserving.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { namespace: 'default', name, generation },
      spec,
      ...(before?.status === undefined ? {} : { status: before.status }),
    });
    const ref = { namespace: 'default', name };
    await eventually(() => this.informers.models.store.get(ref)?.metadata.generation === generation);
  }
}
