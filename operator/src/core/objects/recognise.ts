import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IPod, IService, IServiceAccount } from 'kubernetes-models/v1';
import type { ChildKind } from '../actions.ts';
import {
  canaryName,
  childLabels,
  LABEL,
  numberOfRevision,
  type Owner,
  ownerReference,
  podSelector,
  resolverName,
} from '../names.ts';
import { isSpoiled, type Revision } from '../revisions/revision.ts';

/** Objects in the cluster that may be children of one ModelDeployment. */
export interface Candidates {
  deployments: readonly IDeployment[];
  replicaSets: readonly IReplicaSet[];
  pods: readonly IPod[];
  revisions: readonly IControllerRevision[];
  services: readonly IService[];
  disruptionBudgets: readonly IPodDisruptionBudget[];
  serviceAccounts: readonly IServiceAccount[];
}

/** A child of ours whose labels or owner somebody changed, and what puts them back. */
export interface Changed {
  kind: ChildKind;
  name: string;
  field: 'metadata.labels' | 'metadata.ownerReferences';
  /** What of the field is ours, all that it is to say, and what it says. */
  rendered: unknown;
  value: unknown;
  live: unknown;
  /** What the value was made from. */
  resourceVersion: string | undefined;
}

/**
 * The children of one ModelDeployment. They are ours by the uid of their owner, whatever their labels say; a pod is of the
 * revision that its ReplicaSet was made for. Labels that others changed are read as they should be, and put back.
 */
export interface Children {
  deployment: IDeployment | undefined;
  /** The Deployment of the pods on trial. */
  canary: IDeployment | undefined;
  /** ReplicaSets with server pods: of either Deployment, or between them while they are handed over. */
  replicaSets: readonly IReplicaSet[];
  /** The history, oldest first. */
  revisions: readonly Revision[];
  /** Server pods of either Deployment, terminating ones included. */
  pods: readonly IPod[];
  /** Pods that resolve a tag. */
  resolvers: readonly IPod[];
  service: IService | undefined;
  /** The Service of the pods on trial. */
  preview: IService | undefined;
  disruptionBudget: IPodDisruptionBudget | undefined;
  serviceAccount: IServiceAccount | undefined;
  changed: readonly Changed[];
  /** Entries of the history that do not say what was written. */
  spoiled: readonly { name: string; uid: string }[];
}

interface Meta {
  name?: string;
  resourceVersion?: string;
  uid?: string;
  labels?: Record<string, string>;
  ownerReferences?: { uid: string; controller?: boolean }[];
}
interface Candidate {
  metadata?: object;
}

const metaOf = ({ metadata }: Candidate): Meta => metadata ?? {};
const controllerOf = (object: Candidate): string | undefined =>
  metaOf(object).ownerReferences?.find(({ controller }) => controller === true)?.uid;

/**
 * @param known uids of objects that were seen to be ours, and may have lost their owner
 * @param read what a ControllerRevision says
 */
export function recognise(
  owner: Owner,
  candidates: Candidates,
  known: ReadonlySet<string>,
  read: (object: IControllerRevision) => Revision | undefined,
): Children {
  const changed: Changed[] = [];
  const isOurs = (object: Candidate): boolean => {
    const { uid, ownerReferences = [] } = metaOf(object);
    const controller = controllerOf(object);
    if (controller !== undefined) return controller === owner.uid;
    return ownerReferences.some((one) => one.uid === owner.uid) || known.has(uid ?? '');
  };
  /** The object as it should be labelled; what is to be put back is noted. */
  const labelled = <T extends Candidate>(kind: ChildKind, object: T, wanted: Record<string, string>): T => {
    const { name = '', labels: live = {}, resourceVersion } = metaOf(object);
    const isWrong = Object.entries(wanted).some(([key, value]) => live[key] !== value);
    if (!isWrong) return object;
    const said = { ...live, ...wanted };
    changed.push({ kind, name, field: 'metadata.labels', rendered: wanted, value: said, live, resourceVersion });
    return { ...object, metadata: { ...object.metadata, labels: said } };
  };
  const owned = <T extends Candidate>(kind: ChildKind, objects: readonly T[]): T[] =>
    objects.filter(isOurs).map((object) => {
      if (controllerOf(object) === undefined) changed.push(reclaimed(kind, object, owner));
      return object;
    });
  const named = <T extends Candidate>(kind: ChildKind, objects: readonly T[], name: string): T | undefined => {
    const found = owned(
      kind,
      objects.filter((object) => metaOf(object).name === name),
    )[0];
    return found === undefined ? undefined : labelled(kind, found, childLabels(owner.name));
  };

  const deployment = named('Deployment', candidates.deployments, owner.name);
  const canary = named('Deployment', candidates.deployments, canaryName(owner.name));
  const uids = new Set([deployment, canary].flatMap((one) => one?.metadata?.uid ?? []));
  const replicaSets = candidates.replicaSets
    // Handed over from one Deployment to the other it has no controller, but the ModelDeployment as an owner.
    .filter(
      (set) =>
        uids.has(controllerOf(set) ?? '') ||
        set.metadata?.ownerReferences?.some(({ uid }) => uid === owner.uid) === true,
    )
    .map((set) => labelled('ReplicaSet', set, ownLabels(owner, set)));
  const setOf = new Map(replicaSets.map((set) => [set.metadata?.uid, set]));
  const pods = candidates.pods.flatMap((pod) => {
    const set = setOf.get(controllerOf(pod));
    return set === undefined ? [] : [labelled('Pod', pod, ownLabels(owner, set))];
  });
  const revisions = owned('ControllerRevision', candidates.revisions);
  return {
    deployment,
    canary,
    replicaSets,
    pods,
    resolvers: candidates.pods
      .filter((pod) => controllerOf(pod) === owner.uid)
      .map((pod) => labelled('Pod', pod, resolverLabels(owner, pod.metadata?.name ?? ''))),
    revisions: revisions
      .map((object) => labelled('ControllerRevision', object, revisionLabels(owner, object)))
      .map((object) => read(object))
      .filter((revision) => revision !== undefined)
      .sort((a, b) => a.number - b.number),
    service: named('Service', candidates.services, owner.name),
    preview: named('Service', candidates.services, canaryName(owner.name)),
    disruptionBudget: named('PodDisruptionBudget', candidates.disruptionBudgets, owner.name),
    serviceAccount: named('ServiceAccount', candidates.serviceAccounts, owner.name),
    changed,
    spoiled: revisions
      .filter(isSpoiled)
      .map(({ metadata }) => ({ name: metadata?.name ?? '', uid: metadata?.uid ?? '' })),
  };
}

const numberOf = ({ metadata, revision }: IControllerRevision): string =>
  String(numberOfRevision(metadata?.name ?? '') ?? revision);

const revisionLabels = (owner: Owner, object: IControllerRevision): Record<string, string> => ({
  ...childLabels(owner.name),
  ...podSelector(owner.name),
  [LABEL.revision]: numberOf(object),
});

/** Those of our labels that a ReplicaSet and its pods have from its template, as admission left that. */
function ownLabels(owner: Owner, { spec }: IReplicaSet): Record<string, string> {
  const ours = [...Object.keys({ ...childLabels(owner.name), ...podSelector(owner.name) }), LABEL.revision];
  return Object.fromEntries(
    Object.entries(spec?.template?.metadata?.labels ?? {}).filter(([key]) => ours.includes(key)),
  );
}

/** The name of a resolver says for which recipe it works. */
function resolverLabels(owner: Owner, name: string): Record<string, string> {
  const [recipe = ''] = name.slice(resolverName(owner.name, '', '').length - 1).split('-');
  return { ...childLabels(owner.name), [LABEL.resolves]: owner.name, [LABEL.recipe]: recipe };
}

/** It has nobody who controls it: we do again. */
function reclaimed(kind: ChildKind, object: Candidate, owner: Owner): Changed {
  const { name = '', ownerReferences: live = [], resourceVersion } = metaOf(object);
  const rendered = [ownerReference(owner)];
  const value = [...live.filter(({ uid }) => uid !== owner.uid), ...rendered];
  return { kind, name, field: 'metadata.ownerReferences', rendered, value, live, resourceVersion };
}
