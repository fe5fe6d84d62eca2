import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';

/** Volumes of a user's namespace that a pod may only have for our own programs. */
const isKept = (volume: object): boolean =>
  ['secret', 'persistentVolumeClaim', 'projected', 'csi'].some((source) => source in volume);

/**
 * A template in which credentials and claims are mounted by no container that runs `image`, which a user has named: who may
 * write ModelDeployments may name Secrets, and must not read them. The fetcher runs `ours` instead. Answers the very same
 * template when nothing is amiss. Pure.
 */
export function withoutLeak(template: IPodTemplateSpec, image: string | undefined, ours: string): IPodTemplateSpec {
  const { spec } = template;
  if (spec === undefined || image === undefined || image === ours) return template;
  const kept = new Set((spec.volumes ?? []).filter(isKept).map(({ name }) => name));
  const leaks = (container: IContainer): boolean =>
    container.image === image && (container.volumeMounts ?? []).some(({ name }) => kept.has(name));
  const { initContainers = [], containers } = spec;
  if (![...initContainers, ...containers].some(leaks)) return template;
  const mend = (container: IContainer): IContainer => {
    if (!leaks(container)) return container;
    if (container.name === 'fetch') return { ...container, image: ours };
    return { ...container, volumeMounts: (container.volumeMounts ?? []).filter(({ name }) => !kept.has(name)) };
  };
  return {
    ...template,
    spec: { ...spec, initContainers: initContainers.map(mend), containers: containers.map(mend) },
  };
}
