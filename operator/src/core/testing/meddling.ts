import { LABEL } from '../names.ts';
import type { Move } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import type { Stored } from './store.ts';

/** What other controllers, and people with the rights to, do to the objects of the operator itself. */
export function meddling(sim: Simulator): Move[] {
  const all = sim.store.all();
  const of = (...kinds: string[]): Stored[] => all.filter(({ kind }) => kinds.includes(kind));
  return [
    ...of('Deployment', 'Service', 'ControllerRevision').map((object) => relabel(object, LABEL.managedBy, 'Helm')),
    ...of('ControllerRevision').map((object) => relabel(object, LABEL.revision, '7')),
    ...of('ControllerRevision').map((object) => remove(object)),
    // Nobody reaches the pods until it is there again.
    ...of('Service').map((object): Move => ({ ...remove(object), means: 'loss' })),
  ];
}

const relabel = ({ kind, metadata: { name } }: Stored, label: string, value: string): Move => ({
  name: `${kind} ${name} is relabelled ${label}`,
  apply: ({ store }) => {
    const live = store.get(kind, name);
    if (live === undefined || live.metadata.labels?.[label] === value) return false;
    store.patch(kind, name, [
      { op: 'add', path: '/metadata/labels', value: { ...live.metadata.labels, [label]: value } },
    ]);
    return true;
  },
});

const remove = ({ kind, metadata: { name, uid } }: Stored): Move => ({
  name: `${kind} ${name} is deleted`,
  apply: ({ store }) => {
    if (store.get(kind, name) === undefined) return false;
    store.delete(kind, name, uid);
    return true;
  },
});
