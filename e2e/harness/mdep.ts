import type { Cluster } from '../cluster/index.ts';
import { waitFor } from '../../tools/wait.ts';

/** Status of a ModelDeployment, as far as stories look at it. */
export interface MdepStatus {
  observedGeneration?: number;
  phase?: string;
  ready?: string;
  replicas?: number;
  selector?: string;
  stable?: RevisionInfo;
  target?: RevisionInfo;
  lastFailure?: { revision?: number; reason?: string; message?: string; pod?: string };
  lastAction?: { type?: string; id?: string; message?: string };
  trial?: {
    revision: number;
    from: number;
    phase: string;
    step: number;
    weight: number;
    paused?: boolean;
    verdict?: { result: string; message: string; requests?: number; errors?: number };
  };
  failedTarget?: { revision?: number; reason?: string };
  conditions?: { type: string; status: string; reason: string; message: string }[];
}

interface RevisionInfo {
  revision?: number;
  version?: string;
  digest?: string;
}

interface Live {
  metadata: { generation: number };
  spec: { replicas: number; rollbackTo?: { revision?: number; from?: number } };
  status?: MdepStatus;
}

/** Long enough for a busy machine; a rollout here takes some seconds. */
const PATIENCE_S = 180;

/** ModelDeployments of one namespace, used as a person does: apply, look, wait. */
export class Mdep {
  constructor(
    private readonly cluster: Cluster,
    readonly namespace: string,
  ) {}

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl(['-n', this.namespace, ...args]);
  }

  async applyObject(object: object): Promise<void> {
    await this.cluster.kubectl(['apply', '-n', this.namespace, '-f', '-'], { input: JSON.stringify(object) });
  }

  /** Applies a manifest with this spec. */
  apply(name: string, spec: object): Promise<void> {
    return this.applyObject({
      apiVersion: 'modelserving.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name },
      spec,
    });
  }

  get(name: string): Promise<Live> {
    return this.cluster.api.get(
      `/apis/modelserving.dev/v1alpha1/namespaces/${this.namespace}/modeldeployments/${name}`,
    );
  }

  async condition(name: string, type: string) {
    const { status } = await this.get(name);
    return status?.conditions?.find((condition) => condition.type === type);
  }

  /** Waits until the status, for the present generation, satisfies `is`. */
  until(name: string, what: string, is: (status: MdepStatus) => boolean, seconds = PATIENCE_S): Promise<MdepStatus> {
    return waitFor(
      `mdep/${name} ${what}`,
      async () => {
        const { metadata, status } = await this.get(name);
        return status?.observedGeneration === metadata.generation && is(status) ? status : undefined;
      },
      { seconds, seen: () => this.describe(name) },
    );
  }

  /** Waits until the condition Ready tells this reason. */
  untilReason(name: string, reason: string): Promise<MdepStatus> {
    return this.until(name, `to say ${reason}`, ({ conditions }) =>
      (conditions ?? []).some((condition) => condition.type === 'Ready' && condition.reason === reason),
    );
  }

  /** Asks for an action of a trial, as `kubectl mdep promote` and the like do. */
  async act(name: string, type: string): Promise<string> {
    const id = `${type}-${Date.now().toString(36)}`;
    await this.kubectl(
      'patch',
      'mdep',
      name,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { rollout: { action: { type, id } } } }),
    );
    return id;
  }

  /** Waits until the trial is in this phase. */
  untilTrial(name: string, phase: string): Promise<MdepStatus> {
    return this.until(name, `to be on trial, ${phase}`, (status) => status.trial?.phase === phase);
  }

  /** Uids of the server pods of a revision that are not going away. */
  async podUids(name: string, revision: number): Promise<string[]> {
    const selector = `modelserving.dev/model=${name},modelserving.dev/revision=${revision}`;
    const { items } = await this.cluster.api.get<{
      items: { metadata: { uid: string; deletionTimestamp?: string } }[];
    }>(`/api/v1/namespaces/${this.namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.uid);
  }

  /** Waits until the spec as it is now is served, all of it. */
  untilReady(name: string, revision?: number): Promise<MdepStatus> {
    const what = revision === undefined ? 'to be Ready' : `to be Ready with revision ${revision}`;
    return this.until(
      name,
      what,
      (status) => isReady(status) && (revision === undefined || status.stable?.revision === revision),
    );
  }

  /** What a person would look at when something is wrong. */
  private async describe(name: string): Promise<string> {
    const [status, pods, events] = await Promise.all([
      this.kubectl('get', 'mdep', name, '-o', 'jsonpath={.status}'),
      this.kubectl('get', 'pods,rs', '-o', 'wide'),
      this.kubectl('get', 'events', '--sort-by=.lastTimestamp'),
    ]);
    return [status, pods, events.split('\n').slice(-25).join('\n')].join('\n');
  }
}

export const isReady = (status: MdepStatus): boolean =>
  status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
