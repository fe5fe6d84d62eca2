import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IContainer, IPodTemplateSpec } from 'kubernetes-models/v1';
import { canaryName } from '../names.ts';
import { NAME } from './cluster.ts';
import type { Move } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import type { Stored } from './store.ts';
import type { Policy, Refuses } from './policy.ts';

type Template = IPodTemplateSpec;
type Edit = (template: Template) => void;

/** Templates are shared and never changed: each is edited once. */
function editing(edit: Edit): (template: Template) => Template {
  const made = new WeakMap<Template, Template>();
  return (template) => {
    const known = made.get(template);
    if (known !== undefined) return known;
    const edited = structuredClone(template);
    edit(edited);
    made.set(template, edited);
    // It is made of its own answer as well, when that is written again.
    made.set(edited, edited);
    return edited;
  };
}

const isDeployment = (object: Stored): object is Stored & IDeployment => object.kind === 'Deployment';

function editsTemplates(edit: Edit, name?: string): (object: Stored) => Stored {
  const edited = editing(edit);
  return (object) => {
    if (!isDeployment(object) || object.spec === undefined) return object;
    if (name !== undefined && object.metadata.name !== name) return object;
    return { ...object, spec: { ...object.spec, template: edited(object.spec.template) } };
  };
}

const changesSpec =
  (change: Partial<NonNullable<IDeployment['spec']>>) =>
  (object: Stored): Stored =>
    isDeployment(object) ? { ...object, spec: { ...(object.spec as object), ...change } } : object;

const serverOf = ({ spec }: Template): IContainer | undefined => spec?.containers.find(({ name }) => name === 'server');

function limit(template: Template): void {
  const server = serverOf(template);
  if (server !== undefined) server.resources = { ...server.resources, limits: { cpu: '4', memory: '9Gi' } };
}

const say =
  (name: string): Edit =>
  (template) => {
    const server = serverOf(template);
    const others = server?.env?.filter((one) => one.name !== name) ?? [];
    if (server !== undefined) server.env = [...others, { name, value: 'x' }];
  };

function mirror({ spec }: Template): void {
  for (const container of spec?.containers ?? [])
    container.image = `mirror.example/${container.image?.split('/').at(-1)}`;
}

const LABELLED = ['Deployment', 'Service', 'PodDisruptionBudget', 'ServiceAccount', 'ControllerRevision'];

/** Labels of its own, and in the place of one of ours. */
const label = (object: Stored): Stored => {
  if (!LABELLED.includes(object.kind)) return object;
  const labels = { ...object.metadata.labels, team: 'a', 'app.kubernetes.io/name': 'renamed' };
  return { ...object, metadata: { ...object.metadata, labels } };
};

const refuseDeployments: Refuses = (action) =>
  (action.do === 'create' || action.do === 'patch') && action.kind === 'Deployment'
    ? { reason: 'WriteRefused', message: 'denied by a policy' }
    : undefined;

export const POLICIES: readonly Policy[] = [
  { name: 'limits', admit: editsTemplates(limit) },
  { name: 'limits on trial', admit: editsTemplates(limit, canaryName(NAME)) },
  { name: 'a proxy', admit: editsTemplates(say('HTTP_PROXY')) },
  { name: 'a mirror', admit: editsTemplates(mirror) },
  { name: 'labels', admit: label },
  { name: 'another server', admit: editsTemplates((template) => replaceServer(template)), isBad: true },
  { name: 'a pause', admit: changesSpec({ paused: true }), isBad: true },
  { name: 'one replica', admit: changesSpec({ replicas: 1 }), isBad: true },
  { name: 'no Deployments', refuses: refuseDeployments, isBad: true },
];

function replaceServer(template: Template): void {
  const server = serverOf(template);
  if (server !== undefined) server.image = 'other:2';
}

/** A policy comes into force, or is taken away. */
export function policies(sim: Simulator): Move[] {
  const { policy } = sim;
  if (policy !== undefined)
    return [{ name: `the policy of ${policy.name} ends`, apply: (next) => (next.enforce(undefined), true) }];
  return POLICIES.map((one) => ({
    name: `a policy of ${one.name} begins`,
    apply: (next) => (next.enforce(one), true),
    // Fewer pods than are wanted, while it lasts.
    ...(one.name === 'one replica' ? { means: 'loss' as const } : {}),
  }));
}

const EDITED = 'EDITED';
const edited = editing(say(EDITED));

/** A person, or a controller of somebody else, edits the template of a Deployment of ours. */
export const edits = ({ store }: Simulator): Move[] =>
  store.list<IDeployment & Stored>('Deployment').map(({ metadata: { name } }) => ({
    name: `the template of ${name} is edited`,
    apply: (next) => {
      const template = next.store.get<IDeployment>('Deployment', name)?.spec?.template;
      if (template === undefined || isEdited(template)) return false;
      next.store.patch('Deployment', name, [{ op: 'replace', path: '/spec/template', value: edited(template) }]);
      return true;
    },
  }));

const isEdited = (template: Template): boolean => serverOf(template)?.env?.some(({ name }) => name === EDITED) === true;

/** An edit that stands. */
export const editLeft = ({ store }: Simulator): string | undefined =>
  store.list<IDeployment>('Deployment').find(({ spec }) => spec !== undefined && isEdited(spec.template))?.metadata
    ?.name;
