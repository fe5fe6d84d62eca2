import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import { isReady, isTerminating, revisionOfPod } from '../diagnose.ts';
import { modelPods, type Passing, setState, stateOf } from './kubelet.ts';
import type { Move } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import type { Stored } from './store.ts';

/** How pods are lost that did nothing wrong. Each comes back by itself: the kubelet, the node, a controller or the operator sees to it. */
export function losses(sim: Simulator): Move[] {
  const revisions = [...new Set(sim.pods().map(revisionOfPod))];
  return [
    ...revisions.flatMap((revision) => [
      become(revision, 'unready'),
      become(revision, 'unreachable'),
      loss(`a pod of ${revision} is deleted`, (next) => remove(next, podsOf(next, revision).slice(0, 1))),
    ]),
    loss('pods on lost nodes are evicted', (next) => remove(next, unreachable(next))),
    ...sim.store
      .list<IDeployment & Stored>('Deployment')
      .map(({ metadata: { name, uid } }) =>
        loss(`Deployment ${name} is deleted`, (next) => (next.store.delete('Deployment', name, uid), true)),
      ),
  ];
}

const loss = (name: string, apply: Move['apply']): Move => ({ name, apply, means: 'loss' });

const podsOf = (sim: Simulator, revision: number): IPod[] =>
  modelPods(sim.store).filter((pod) => revisionOfPod(pod) === revision && !isTerminating(pod));

const unreachable = (sim: Simulator): IPod[] =>
  modelPods(sim.store).filter((pod) => stateOf(pod) === 'unreachable' && !isTerminating(pod));

/** All of a revision at once: with few pods a moment at which none answers is what matters. */
const become = (revision: number, state: Passing): Move =>
  loss(`pods of ${revision} are ${state}`, (next) => {
    const pods = podsOf(next, revision).filter(isReady);
    for (const pod of pods) setState(next.store, pod, state);
    return pods.length > 0;
  });

function remove({ store }: Simulator, pods: readonly IPod[]): boolean {
  for (const pod of pods) store.remove(pod as object as Stored);
  return pods.length > 0;
}
