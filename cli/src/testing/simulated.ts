import type { ModelDeployment } from '@modeldeployment/operator';
import { NAME } from '../../../operator/src/core/testing/cluster.ts';
import type { Simulator } from '../../../operator/src/core/testing/simulator.ts';
import type { ModelObjects, Pod, ReplicaSet } from '../family.ts';

export { digestOf } from '../../../operator/src/core/testing/kubelet.ts';
export { Simulator } from '../../../operator/src/core/testing/simulator.ts';

export type Spec = ModelDeployment['spec'];
export const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
export const spec = (tag: number, more: Partial<Spec> = {}): Spec => ({
  model: { uri: uri(tag) },
  replicas: 2,
  ...more,
});

/** What the plugin reads when the simulated cluster is as it is. */
export function modelObjectsOf(sim: Simulator): ModelObjects {
  const { generation, status, ownsRollbackTo } = sim;
  const metadata = { name: NAME, namespace: 'default', uid: 'uid-digits', resourceVersion: '1', generation };
  return {
    model: { metadata, spec: sim.spec, status, ownsRollbackTo },
    replicaSets: sim.store.list('ReplicaSet') as unknown as ReplicaSet[],
    pods: sim.store.list('Pod') as unknown as Pod[],
    revisions: sim.world().revisions,
    missing: [],
  };
}
