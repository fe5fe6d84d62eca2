import type { FullSpec } from '../../api/defaults.ts';
import type { Trial } from '../../api/modeldeployment.gen.ts';
import type { Action } from '../actions.ts';
import { sameJson } from '../objects/covers.ts';
import type { BackendRef, HttpRoute, NoRoutes } from '../objects/http-route.ts';
import { canaryName } from '../names.ts';
import { type PatchOperation, unchanged } from '../objects/patch.ts';
import type { World } from '../world.ts';
import type { Course, TrialFacts } from './facts.ts';

/** Weights are multiplied by this during a trial, so that every percentage is a whole number and the way back is exact. */
const PARTS = 100;
/** Gateway API allows weights up to 1,000,000. */
const MAX_WEIGHT = 1_000_000 / PARTS;
const DEFAULT_WEIGHT = 1;
/** …and so many backends in a rule. */
const MAX_BACKENDS = 16;

/** HTTPRoutes that carry the weights of a trial; none when the serving pods forward, or all requests move at once. */
export function routesOf({ strategy, trafficRouting, gatewayAPI }: FullSpec['rollout']): readonly string[] {
  return strategy === 'Canary' && trafficRouting === 'GatewayAPI' ? (gatewayAPI?.httpRoutes ?? []) : [];
}

type Model = Pick<World['model'], 'name' | 'namespace'>;

const leadsTo = (service: string, { namespace }: Model) => {
  return (ref: BackendRef | undefined): boolean =>
    ref?.name === service &&
    (ref.group ?? '') === '' &&
    (ref.kind ?? 'Service') === 'Service' &&
    (ref.namespace ?? namespace) === namespace;
};

/**
 * The backends of a rule while `weight` % of what goes to the model are to be answered on trial: beside the Service of
 * the model stands that of the pods on trial, and both together keep the share that the first had. With 0 as the user wrote
 * them: what it makes of them does not depend on whether, and how, they are shared already.
 */
export function shareBackends(refs: readonly BackendRef[], model: Model, weight: number): readonly BackendRef[] {
  const plain = restored(refs, model);
  const isModel = leadsTo(model.name, model);
  if (weight === 0 || !plain.some(isModel) || !isShareable(plain, isModel)) return plain;
  return plain.flatMap((ref) => {
    const whole = weightOf(ref);
    if (!isModel(ref)) return [{ ...ref, weight: whole * PARTS }];
    return [
      { ...ref, weight: whole * (PARTS - weight) },
      { ...ref, name: canaryName(model.name), weight: whole * weight },
    ];
  });
}

function restored(refs: readonly BackendRef[], model: Model): readonly BackendRef[] {
  const isCanary = leadsTo(canaryName(model.name), model);
  const isModel = leadsTo(model.name, model);
  // One that a person has put elsewhere, for a look at the preview, is theirs.
  const isOurs = (at: number): boolean => isCanary(refs[at]) && isModel(refs[at - 1]);
  if (!refs.some((_, at) => isOurs(at))) return refs;
  return refs.flatMap((ref, at) => {
    if (isOurs(at)) return [];
    const next = refs[at + 1];
    const whole = weightOf(ref) + (next !== undefined && isOurs(at + 1) ? weightOf(next) : 0);
    // Rounded up: other numbers than ours are a person's, and must not become 0.
    return [{ ...ref, weight: Math.ceil(whole / PARTS) }];
  });
}

const weightOf = ({ weight = DEFAULT_WEIGHT }: BackendRef): number => weight;

/** What Gateway API allows still holds when each backend that leads to the model is two. */
function isShareable(plain: readonly BackendRef[], isModel: (ref: BackendRef) => boolean): boolean {
  const backends = plain.length + plain.filter(isModel).length;
  return backends <= MAX_BACKENDS && plain.every((ref) => weightOf(ref) <= MAX_WEIGHT);
}

/** Patch of a route that brings its weights to `weight` %; empty when it says so already. */
function patchOf(route: HttpRoute, model: Model, weight: number): PatchOperation[] {
  const operations = (route.spec?.rules ?? []).flatMap(({ backendRefs = [] }, at): PatchOperation[] => {
    const wanted = shareBackends(backendRefs, model, weight);
    if (sameJson(wanted, backendRefs)) return [];
    return [{ op: 'replace', path: `/spec/rules/${at}/backendRefs`, value: wanted }];
  });
  return operations.length === 0 ? [] : [unchanged(route), ...operations];
}

function routeNamed({ routes }: World, name: string): HttpRoute | undefined {
  return typeof routes === 'string' ? undefined : routes.find(({ metadata }) => metadata?.name === name);
}

/** Of the routes that the trial has recorded: one that is gone asks for nothing. */
export function routeFacts(world: World, course: Course | undefined): TrialFacts['routes'] {
  const { trial } = world.model.status;
  const recorded = (trial?.httpRoutes ?? []).flatMap((name) => routeNamed(world, name) ?? []);
  const says = (weight: number) => (route: HttpRoute) => patchOf(route, world.model, weight).length === 0;
  return {
    usable: course === undefined || routeProblem(world, course.routes) === undefined,
    weighed: recorded.every((route) => says(weightFor(route, course, trial?.weight ?? 0))(route)),
    plain: recorded.every(says(0)),
    seen: recorded.every(isSeen),
  };
}

/** The spec may name other routes by now. */
function weightFor({ metadata }: HttpRoute, course: Course | undefined, weight: number): number {
  return course?.routes.includes(metadata?.name ?? '') === true ? weight : 0;
}

/** Every gateway that says which generation it has taken has taken this one. */
function isSeen({ metadata, status }: HttpRoute): boolean {
  const observed = (status?.parents ?? []).flatMap(({ conditions = [] }) => conditions);
  return observed.every(
    ({ observedGeneration }) => observedGeneration === undefined || observedGeneration >= (metadata?.generation ?? 0),
  );
}

/** The writes that make the recorded routes say what the trial asks for now; without a course, what the user wrote. */
export function weighRoutes(world: World, course: Course | undefined): Action[] {
  const { trial } = world.model.status;
  return (trial?.httpRoutes ?? []).flatMap((name): Action[] => {
    const route = routeNamed(world, name);
    if (route === undefined) return [];
    const weight = weightFor(route, course, trial?.weight ?? 0);
    const operations = patchOf(route, world.model, weight);
    const because = weight === 0 ? 'it leads as before the trial' : `${weight} % go to the revision on trial`;
    return operations.length === 0 ? [] : [{ do: 'patch', kind: 'HTTPRoute', name, operations, because }];
  });
}

export interface RouteProblem {
  reason: 'GatewayAPIUnavailable' | 'HTTPRouteUnusable';
  message: string;
}

/** Why these routes cannot carry the weights of a trial, and what to do about it; undefined when they can. */
export function routeProblem(world: World, names: readonly string[]): RouteProblem | undefined {
  const { model, routes } = world;
  if (names.length === 0) return undefined;
  if (typeof routes === 'string') return { reason: 'GatewayAPIUnavailable', message: UNAVAILABLE[routes] };
  for (const name of names) {
    const route = routeNamed(world, name);
    const isModel = leadsTo(model.name, model);
    const rules = (route?.spec?.rules ?? [])
      .map(({ backendRefs = [] }) => restored(backendRefs, model))
      .filter((refs) => refs.some(isModel));
    const unusable = (message: string): RouteProblem => ({ reason: 'HTTPRouteUnusable', message });
    if (route === undefined)
      return unusable(
        `there is no HTTPRoute ${name} in ${model.namespace}; create it, or mend spec.rollout.gatewayAPI`,
      );
    if (rules.length === 0)
      return unusable(`no rule of HTTPRoute ${name} leads to Service ${model.name}: there is nothing to share`);
    if (!rules.every((refs) => isShareable(refs, isModel)))
      return unusable(
        `a rule of HTTPRoute ${name} has a weight above ${MAX_WEIGHT}, or too many backends, to be shared exactly`,
      );
  }
  return undefined;
}

/** What keeps a trial from giving its revision the share it is to have. */
export function heldBy(world: World, { phase }: Trial): RouteProblem | undefined {
  const gives = phase === 'Starting' || phase === 'Running';
  return gives ? routeProblem(world, routesOf(world.model.spec.rollout)) : undefined;
}

const UNAVAILABLE: Readonly<Record<NoRoutes, string>> = {
  NotEnabled: 'the operator may not write HTTPRoutes; install its chart with gatewayAPI.enabled=true',
  NotInstalled: 'the cluster does not serve HTTPRoutes (gateway.networking.k8s.io/v1); install the CRDs of Gateway API',
};
