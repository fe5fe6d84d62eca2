import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec } from '../../api/modeldeployment.gen.ts';
import { withDefaults } from '../../api/defaults.ts';
import { LABEL, podSelector } from '../names.ts';
import { differences } from '../objects/covers.ts';
import { recipeHash, recipeOf, sameRecipe } from '../revisions/recipe.ts';
import { makeResolver } from './resolver.ts';
import { makeTemplate } from './template.ts';

type Pod = NonNullable<ModelDeploymentSpec['server']>['pod'];

const DIGEST = `sha256:${'a'.repeat(64)}`;
const BY_ZONE = { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' as const };
const PLACED = {
  nodeSelector: { pool: 'models' },
  tolerations: [{ key: 'pool', operator: 'Exists' as const, effect: 'NoSchedule' as const }],
  topologySpreadConstraints: [BY_ZONE],
};

const SETTINGS = {
  servingImage: 'server:1',
  plainHttpRegistries: [],
  caBundle: undefined,
  pullSecrets: [],
  fixedIds: true,
};

const recipe = (pod?: Pod) =>
  recipeOf(withDefaults({ model: { uri: 'oci://registry.example/models/digits:1' }, ...(pod && { server: { pod } }) }));
const render = (pod?: Pod, revision = 1) =>
  makeTemplate({
    model: 'digits',
    revision,
    version: '1',
    digest: DIGEST,
    image: 'server:1',
    recipe: recipe(pod),
    settings: SETTINGS,
  });

describe('spec.server.pod', () => {
  it('leaves recipe and template as they were before the field existed, where it is absent', () => {
    expect(JSON.stringify(recipe())).toBe(
      '{"model":{"format":"auto","uri":"oci://registry.example/models/digits:1"},"server":{"engine":"auto"}}',
    );
    expect(recipeHash(recipe())).toBe('d5755ba202');
    expect(Object.keys(render().spec ?? {})).toEqual([
      'serviceAccountName',
      'automountServiceAccountToken',
      'enableServiceLinks',
      'terminationGracePeriodSeconds',
      'securityContext',
      'initContainers',
      'containers',
      'volumes',
    ]);
  });

  it('is in the pod template as it was written, and a change of it is another recipe', () => {
    expect(render(PLACED).spec).toMatchObject(PLACED);
    expect(sameRecipe(recipe(PLACED), recipe(), DIGEST)).toBe(false);
    expect(sameRecipe(recipe(PLACED), recipe(structuredClone(PLACED)), DIGEST)).toBe(true);
  });

  it('spreads the pods of one revision, whatever pods of the one before still run', () => {
    const selector = (revision: number) =>
      render(PLACED, revision).spec?.topologySpreadConstraints?.map((one) => one.labelSelector?.matchLabels);
    expect(selector(2)).toEqual([{ ...podSelector('digits'), [LABEL.revision]: '2' }]);
    expect(render(PLACED, 2).metadata?.labels).toMatchObject(selector(2)?.[0] ?? { none: '' });
  });

  it('chooses the nodes of the resolver as well, which is alone and has nothing to spread', () => {
    const owner = { name: 'digits', namespace: 'models', uid: 'u' };
    const resolver = (pod?: Pod) =>
      makeResolver(owner, { recipe: recipe(pod), hash: recipeHash(recipe(pod)), attempt: 1 }, SETTINGS).spec;
    const { nodeSelector, tolerations } = PLACED;
    expect(resolver(PLACED)).toEqual({ ...resolver(), nodeSelector, tolerations });
    expect(resolver()).not.toHaveProperty('nodeSelector');
    expect(resolver()).not.toHaveProperty('tolerations');
  });

  it('is a difference when somebody changes it in the live template, and none when the server adds a default', () => {
    const rendered = render(PLACED).spec;
    const live = structuredClone(rendered);
    Object.assign(live?.topologySpreadConstraints?.[0] ?? {}, { nodeTaintsPolicy: 'Ignore' });
    expect(differences(live, rendered)).toEqual([]);
    expect(differences({ ...live, tolerations: [] }, rendered)).toHaveLength(1);
    expect(differences({ ...live, nodeSelector: { pool: 'other' } }, rendered)).toHaveLength(1);
  });
});
