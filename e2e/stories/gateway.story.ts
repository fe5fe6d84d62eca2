import assert from 'node:assert/strict';
import { noneFailed } from '../harness/client.ts';
import { httpRouteCrd } from '../harness/gateway-api.ts';
import { installChart } from '../harness/stage.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

const CRD = 'customresourcedefinition/httproutes.gateway.networking.k8s.io';
const REPOSITORY = 'gateway/digits';
const INFER = 'http://digits/v2/models/digits/infer';

const specOf = ({ models }: Scene, tag: string) => ({
  model: { uri: models.uri(REPOSITORY, tag), version: tag },
  replicas: 2,
  rollout: {
    strategy: 'Canary',
    canary: { steps: [{ weight: 10 }, { weight: 50 }] },
    trafficRouting: 'GatewayAPI',
    gatewayAPI: { httpRoutes: ['public'] },
    analysis: { minRequests: 0 },
  },
});

/** As its user writes it: one rule leads to the model, beside others, and one leads elsewhere. */
const ROUTE = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'public' },
  spec: {
    parentRefs: [{ name: 'gateway' }],
    hostnames: ['models.example'],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/v2/models/digits' } }],
        backendRefs: [
          { name: 'digits', port: 80 },
          { name: 'elsewhere', port: 80, weight: 3 },
        ],
      },
      { backendRefs: [{ name: 'website', port: 80 }] },
    ],
  },
};

interface Route {
  metadata: { managedFields: { manager: string; operation: string }[] };
  spec: { rules: { backendRefs: { name: string; weight: number }[] }[] };
}

export const stories = [
  story(
    'the weights of a canary stand in the HTTPRoute that the spec names, and are gone afterwards',
    async (scene) => {
      const { given, when, then, mdep, models, cluster, images, client } = scene;
      const route = async (): Promise<Route> =>
        JSON.parse(await mdep.kubectl('get', 'httproute', 'public', '-o', 'json', '--show-managed-fields')) as Route;
      const weights = async (): Promise<Record<string, number>[]> =>
        (await route()).spec.rules.map(({ backendRefs }) =>
          Object.fromEntries(backendRefs.map(({ name, weight }) => [name, weight])),
        );
      const untilHeld = (reason: string, words: RegExp) =>
        waitFor(
          `the trial to wait with ${reason}`,
          async () => {
            const condition = await mdep.condition('digits', 'Ready');
            return condition?.reason === reason && words.test(condition.message) ? true : undefined;
          },
          { seconds: 120, seen: () => mdep.kubectl('get', 'mdep', 'digits', '-o', 'jsonpath={.status}') },
        );
      const untilWeights = (what: string, wanted: Record<string, number>) =>
        waitFor(what, async () => JSON.stringify((await weights())[0]) === JSON.stringify(wanted) || undefined, {
          seconds: 60,
          seen: async () => JSON.stringify(await weights()),
        });
      const asWritten = { digits: 1, elsewhere: 3 };
      await given('an operator that may write HTTPRoutes, in a cluster that has none', async () => {
        await cluster.kubectl(['delete', CRD, '--ignore-not-found']);
        await installChart(cluster, images, { 'gatewayAPI.enabled': 'true' });
      });
      try {
        await given('two pods of version 1', async () => {
          await models.push('digits/v1/saved_model', REPOSITORY, '1');
          await models.push('digits/v2/saved_model', REPOSITORY, '2');
          await mdep.apply('digits', specOf(scene, '1'));
          await mdep.untilReady('digits', 1);
        });
        const loop = (await client()).loop(INFER, '50/s', 'v1.json', 'expected.json');
        try {
          await when('version 2 is applied', () => mdep.apply('digits', specOf(scene, '2')));
          await then('it waits for Gateway API', () => untilHeld('GatewayAPIUnavailable', /install the CRDs/));
          await when('Gateway API is installed', async () =>
            cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: await httpRouteCrd() }),
          );
          await then('it waits for the route', () => untilHeld('HTTPRouteUnusable', /there is no HTTPRoute public/));
          await when('the route is applied', () => mdep.applyObject(ROUTE));
          for (const [weight, digits, canary] of [
            [10, 90, 10],
            [50, 50, 50],
          ] as const) {
            await mdep.until(
              'digits',
              `to wait at ${weight} %`,
              ({ trial }) => trial?.weight === weight && trial.paused === true,
            );
            await then(`the route gives it ${weight} %, and nothing else is touched`, async () => {
              await untilWeights(`weights of ${weight} %`, { digits, 'digits-canary': canary, elsewhere: 300 });
              assert.deepEqual((await weights())[1], { website: 1 });
              console.log(`      ${JSON.stringify(await weights())}`);
            });
            if (weight === 10) {
              await when('Git applies the route as it was', () => mdep.applyObject(ROUTE));
              await then('its weights are written again', () =>
                untilWeights('weights of 10 %', { digits, 'digits-canary': canary, elsewhere: 300 }),
              );
            }
            await mdep.act('digits', 'Resume');
          }
          await mdep.untilReady('digits', 2);
          await then('afterwards it is as its user wrote it', async () => {
            assert.deepEqual(await weights(), [asWritten, { website: 1 }]);
            console.log(`      ${JSON.stringify(await weights())}`);
          });
          await when('version 1 goes on trial again and is aborted', async () => {
            await mdep.apply('digits', {
              ...specOf(scene, '1'),
              rollout: { ...specOf(scene, '1').rollout, knownRevisions: 'Trial' },
            });
            await untilWeights('weights of 10 %', { digits: 90, 'digits-canary': 10, elsewhere: 300 });
            await mdep.act('digits', 'Abort');
          });
          await mdep.until(
            'digits',
            'to be rolled back',
            ({ phase, trial }) => phase === 'RolledBack' && trial === undefined,
          );
          await then('it is as its user wrote it as well', async () =>
            assert.deepEqual(await weights(), [asWritten, { website: 1 }]),
          );
        } finally {
          noneFailed(await loop.stop());
        }
      } finally {
        await cluster.kubectl(['delete', CRD, '--ignore-not-found']);
        await installChart(cluster, images, { 'gatewayAPI.enabled': 'false' });
      }
    },
  ),
];
