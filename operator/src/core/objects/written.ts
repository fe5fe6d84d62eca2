import type { IControllerRevision, IDeployment } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, ChildObject, Plan, PlannedEvent } from '../actions.ts';
import { type Admitted, isDue, type Part, partName, recordFor, tell } from './admission.ts';
import { sameJson } from './covers.ts';
import { LABEL } from '../names.ts';
import type { Changed } from './recognise.ts';
import type { World } from '../world.ts';

/** A write of ours that was made, and the object as it is stored since. */
export interface Answer {
  action: Action;
  stored: object;
}

/** Fields of a child that are compared by themselves; '' stands for the rest. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  Deployment: [
    'metadata.labels',
    'metadata.ownerReferences',
    'spec.selector',
    'spec.replicas',
    'spec.paused',
    'spec.strategy',
    'spec.revisionHistoryLimit',
    'spec.progressDeadlineSeconds',
    'spec.template',
  ],
  Service: ['metadata.labels', 'metadata.ownerReferences', 'spec.selector', ''],
  PodDisruptionBudget: ['metadata.labels', 'metadata.ownerReferences', 'spec.selector', ''],
  ServiceAccount: ['metadata.labels', 'metadata.ownerReferences', ''],
  ControllerRevision: ['metadata.labels', 'metadata.ownerReferences', 'data'],
  Pod: ['metadata.labels'],
  ReplicaSet: ['metadata.labels'],
};

/** What of a live child is compared with what was rendered. */
export const partsOf = (world: World, kind: string, live: object | undefined, rendered: ChildObject): Part[] =>
  (FIELDS[kind] ?? []).map((field) => ({
    name: nameOf(world, kind, rendered.metadata?.name, field),
    rendered: field === '' ? rest(kind, rendered) : at(rendered, field),
    live: field === '' ? live : at(live, field),
    object: live,
  }));

/** What others have changed of a child, as a part of it. */
export const changedPart = (world: World, { kind, name, field, rendered, live }: Changed): Part => ({
  name: nameOf(world, kind, name, field),
  rendered,
  live,
});

/** Of these there are many, made one after the other: what admission makes of one it makes of all. */
const MANY = ['ControllerRevision', 'Pod', 'ReplicaSet'];

const nameOf = ({ model }: World, kind: string, name: string | undefined, field: string): string =>
  partName(kind, MANY.includes(kind) ? model.name : name, field);

/** Something of a live child is to be written. */
export const needsWrite = (world: World, kind: string, live: object | undefined, rendered: ChildObject): boolean =>
  partsOf(world, kind, live, rendered).some((part) => isDue(world, part));

function at(object: unknown, field: string): unknown {
  const value = field.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown>)?.[key], object);
  return value ?? (field === 'spec.paused' ? false : undefined);
}

/** What was rendered without the fields that are compared by themselves. */
function rest(kind: string, { metadata, ...object }: ChildObject): object {
  const { spec, ...others } = object as { spec?: Record<string, unknown> };
  const left = FIELDS[kind]?.includes('spec.selector') === true ? { ...spec, selector: undefined } : spec;
  return { ...others, metadata: { ...metadata, labels: undefined, ownerReferences: undefined }, spec: left };
}

/**
 * The status and the events of a plan once its writes are answered: what admission made of them is recorded with the
 * status that is written anyway, and told once. Pure.
 */
export function withAnswers(world: World, plan: Plan, answers: readonly Answer[]): Pick<Plan, 'status' | 'events'> {
  const base = plan.status ?? world.model.status;
  let admitted: readonly Admitted[] = base.admitted ?? [];
  const fresh: Admitted[] = [];
  for (const part of answers.flatMap(({ action, stored }) => partsWritten(world, plan, action, stored))) {
    const before = admitted.find((record) => record.part === part.name);
    const record = recordFor(world, part, before);
    if (record === before) continue;
    if (record !== undefined && record.hash !== before?.hash) fresh.push(record);
    admitted = [...admitted.filter((one) => one !== before), ...(record === undefined ? [] : [record])];
  }
  const events = [...plan.events.filter((event) => !isUnmade(world, event, answers)), ...eventsOf(fresh)];
  // A status about a spec that these writes change would be refused as stale.
  const respecified = plan.actions.some(({ do: what }) => what === 'rollbackTo');
  if (respecified || admitted === base.admitted || (admitted.length === 0 && base.admitted === undefined))
    return { status: plan.status, events };
  return { status: withAdmitted(base, admitted), events };
}

export function withAdmitted(
  { admitted: _, ...status }: ModelDeploymentStatus,
  admitted: readonly Admitted[],
): ModelDeploymentStatus {
  return admitted.length === 0 ? status : { ...status, admitted: [...admitted] };
}

function eventsOf(fresh: readonly Admitted[]): PlannedEvent[] {
  const kept = fresh.filter(({ refused }) => refused === undefined);
  const refused = fresh.filter((record) => record.refused !== undefined);
  const words = (records: readonly Admitted[]): string => records.map(tell).join('; ').slice(0, 800);
  return [
    ...(kept.length === 0
      ? []
      : [
          {
            type: 'Normal' as const,
            reason: 'AdmissionAccepted' as const,
            note: `changed at admission, and left so: ${words(kept)}`,
          },
        ]),
    ...(refused.length === 0
      ? []
      : [
          {
            type: 'Warning' as const,
            reason: 'AdmissionRefused' as const,
            note: `changed at admission, which cannot be followed: ${words(refused)}`,
          },
        ]),
  ];
}

/** An edit that was put back, and nothing of it went away: it was admission's. */
function isUnmade({ deployment, canary }: World, event: PlannedEvent, answers: readonly Answer[]): boolean {
  if (event.reason !== 'ManualEditReverted') return false;
  const edited = [deployment, canary].find((one) => one?.metadata?.name === event.deployment);
  return answers.some(({ action, stored }) => {
    const isOfIt = action.do === 'patch' && action.kind === 'Deployment' && action.name === event.deployment;
    return isOfIt && sameJson((stored as IDeployment).spec?.template, edited?.spec?.template);
  });
}

function partsWritten(world: World, plan: Plan, action: Action, stored: object): Part[] {
  switch (action.do) {
    case 'create':
    case 'apply':
      return partsOf(world, action.kind, stored, action.object);
    case 'patch': {
      const fields = FIELDS[action.kind] ?? [];
      return action.operations.flatMap(({ path, value }): Part[] => {
        const field = path.slice(1).replaceAll('/', '.');
        if (!fields.includes(field)) return [];
        const rendered = field === 'spec.template' ? renderedTemplate(world, plan, value) : value;
        return [
          { name: nameOf(world, action.kind, action.name, field), rendered, live: at(stored, field), object: stored },
        ];
      });
    }
    case 'delete':
    case 'rollbackTo':
      return [];
  }
}

/** The template as the history has it: a trial's may be handed over as admission left it. */
function renderedTemplate({ revisions }: World, { actions }: Plan, sent: unknown): unknown {
  const number = Number((sent as IPodTemplateSpec | undefined)?.metadata?.labels?.[LABEL.revision]);
  const recorded = revisions.find((revision) => revision.number === number)?.template;
  const made = actions.flatMap((action) =>
    action.do === 'create' && action.kind === 'ControllerRevision' ? [action.object as IControllerRevision] : [],
  );
  const data = made.find(({ revision }) => revision === number)?.data as { template?: unknown } | undefined;
  return recorded ?? data?.template ?? sent;
}
