import { type Case, spec } from './case.ts';

const rollout = (field: string, value: object, refused?: string): Case =>
  spec(`rollout.${field}`, { rollout: value }, refused);
const rolling = (field: string, value: object, refused?: string): Case =>
  rollout(`rollingUpdate${field}`, { rollingUpdate: value }, refused);
const canary = (field: string, value: object, refused?: string): Case =>
  rollout(`canary${field}`, { strategy: 'Canary', canary: value }, refused);
/** One step of a canary, beside a right weight. */
const step = (field: string, value: object, refused?: string): Case =>
  canary(`.steps${field}`, { steps: [{ weight: 10, ...value }] }, refused);
const match = (field: string, value: object, refused?: string): Case =>
  canary(`.match${field}`, { match: [{ value: 'yes', ...value }] }, refused);
const gateway = (field: string, value: object, refused?: string): Case =>
  rollout(`gatewayAPI${field}`, { strategy: 'Canary', trafficRouting: 'GatewayAPI', gatewayAPI: value }, refused);
const blueGreen = (field: string, value: object, refused?: string): Case =>
  rollout(`blueGreen${field}`, { strategy: 'BlueGreen', blueGreen: value }, refused);
const shadow = (field: string, value: object, refused?: string): Case =>
  rollout(`shadow${field}`, { strategy: 'Shadow', shadow: value }, refused);
const analysis = (field: string, value: object, refused?: string): Case =>
  rollout(`analysis${field}`, { analysis: value }, refused);
/** One query of the analysis, beside a right name, query and limit. */
const query = (field: string, value: object, refused?: string): Case =>
  analysis(`.prometheus${field}`, { prometheus: [{ name: 'queue', query: 'queue', max: 5, ...value }] }, refused);
/** A whole number from `least` to `most`: both ends are right, what lies beyond and what is no number is wrong. */
const bounds = (
  kind: (field: string, value: object, refused?: string) => Case,
  field: string,
  least: number,
  most: number,
): Case[] => {
  const key = field.replace('.', '');
  return [
    kind(field, { [key]: least }),
    kind(field, { [key]: most }),
    kind(field, { [key]: least - 1 }, `should be greater than or equal to ${least}`),
    kind(field, { [key]: most + 1 }, `should be less than or equal to ${most}`),
    kind(field, { [key]: String(most) }, 'must be of type integer'),
  ];
};

const SURGE = 'maxSurge must be a number from 0 to 1000 or a percentage such as 25%';
const UNAVAILABLE = 'maxUnavailable must be a number from 0 to 1000 or a percentage up to 100%';
const WEEK = 604_800;

/** What the API server must accept and refuse of `spec.rollout`; part of CASES. */
export const ROLLOUT_CASES: readonly Case[] = [
  spec('rollout', { rollout: {} }),
  spec('rollout', { rollout: { pause: true } }, 'unknown field "spec.rollout.pause"'),
  ...['RollingUpdate', 'Canary', 'BlueGreen', 'Shadow'].map((strategy) => rollout('strategy', { strategy })),
  rollout('strategy', { strategy: 'Recreate' }, 'Unsupported value: "Recreate"'),
  rolling('', {}),
  rolling('', { maxSurge: '25%', maxUnavailable: 1 }),
  rolling('', { maxSurge: 0, maxUnavailable: 0 }, 'cannot both be 0'),
  rolling('', { maxSurge: 0 }, 'cannot both be 0'),
  rolling('', { maxSurge: 0, maxUnavailable: '0%' }, 'cannot both be 0'),
  rolling('.maxSurge', { maxSurge: '200%' }),
  rolling('.maxSurge', { maxSurge: -1 }, SURGE),
  rolling('.maxSurge', { maxSurge: 1001 }, SURGE),
  rolling('.maxSurge', { maxSurge: 'all' }, SURGE),
  rolling('.maxUnavailable', { maxSurge: 0, maxUnavailable: '100%' }),
  rolling('.maxUnavailable', { maxUnavailable: '101%' }, UNAVAILABLE),
  rolling('.maxUnavailable', { maxSurge: 0, maxUnavailable: '00%' }, UNAVAILABLE),
  rolling('.maxUnavailable', { maxUnavailable: '1' }, UNAVAILABLE),

  spec('rollout', { rollout: { canary: {} } }, 'would be ignored'),
  spec('rollout', { rollout: { strategy: 'RollingUpdate', blueGreen: {} } }, 'would be ignored'),
  spec('rollout', { rollout: { shadow: {} } }, 'would be ignored'),
  spec('rollout', { rollout: { strategy: 'Shadow', canary: {}, blueGreen: {}, shadow: {} } }),
  rollout('canary', { strategy: 'Canary' }),
  canary('', {}),
  canary('', { weight: 10 }, 'unknown field "spec.rollout.canary.weight"'),
  canary('.steps', { steps: [{ weight: 5, seconds: 60 }, { weight: 5, replicas: 3 }, { weight: 100 }] }),
  canary('.steps', { steps: Array.from({ length: 20 }, () => ({ weight: 1 })) }),
  canary('.steps', { steps: [] }, 'should have at least 1 items'),
  canary('.steps', { steps: Array.from({ length: 21 }, () => ({ weight: 1 })) }, 'must have at most 20 items'),
  canary('.steps', { steps: [{ weight: 50 }, { weight: 10 }] }, 'the weights of the steps must not fall'),
  canary('.steps', { steps: [10, 50] }, 'must be of type object'),
  canary('.steps', { steps: [{ setWeight: 10 }] }, 'unknown field "spec.rollout.canary.steps[0].setWeight"'),
  step('.weight', { weight: undefined }, 'weight: Required value'),
  ...bounds(step, '.weight', 0, 100),
  step('.weight', { weight: 0.5 }, 'must be of type integer'),
  ...bounds(step, '.seconds', 0, WEEK),
  step('.seconds', { seconds: '60s' }, 'must be of type integer'),
  ...bounds(step, '.replicas', 1, 1000),
  ...['Forwarding', 'GatewayAPI'].map((trafficRouting) =>
    rollout('trafficRouting', {
      strategy: 'Canary',
      trafficRouting,
      ...(trafficRouting === 'GatewayAPI' ? { gatewayAPI: { httpRoutes: ['public'] } } : {}),
    }),
  ),
  rollout('trafficRouting', { trafficRouting: 'Istio' }, 'Unsupported value: "Istio"'),
  rollout('trafficRouting', { trafficRouting: 'GatewayAPI' }, 'belong together'),
  gateway('', { httpRoutes: ['public'] }),
  gateway('', {}, 'spec.rollout.gatewayAPI.httpRoutes: Required value'),
  rollout('gatewayAPI', { gatewayAPI: { httpRoutes: ['public'] } }, 'belong together'),
  gateway('.httpRoutes', { httpRoutes: ['public', 'internal'] }),
  gateway('.httpRoutes', { httpRoutes: [] }, 'should have at least 1 items'),
  gateway('.httpRoutes', { httpRoutes: Array.from({ length: 9 }, (_, i) => `r${i}`) }, 'must have at most 8 items'),
  gateway('.httpRoutes', { httpRoutes: ['public', 'public'] }, 'Duplicate value'),
  canary('.match', { match: [] }),
  match('', { header: 'x-tester' }),
  match('', {}, 'name either a header or a cookie'),
  match('', { header: 'x-tester', cookie: 'tester' }, 'name either a header or a cookie'),
  match('', { query: 'tester' }, 'unknown field'),
  canary('.match', { match: Array.from({ length: 9 }, () => ({ cookie: 'a', value: 'b' })) }, 'at most 8 items'),
  match('.header', { header: 'X-Tester_1' }),
  match('.header', { header: '' }, 'the name of a header consists of'),
  match('.header', { header: 'x tester' }, 'the name of a header consists of'),
  match('.header', { header: 'x-tester: yes' }, 'the name of a header consists of'),
  match('.header', { header: 'a'.repeat(65) }, 'Too long'),
  match('.cookie', { cookie: 'tester.v2' }),
  match('.cookie', { cookie: 'a=b' }, 'the name of a cookie consists of'),
  match('.cookie', { cookie: 'a'.repeat(65) }, 'Too long'),
  match('.value', { header: 'user-agent', value: 'load test; "v2", 50%' }),
  match('.value', { cookie: 'tester', value: '[a]-b+c.d=~!' }),
  match('.value', { cookie: 'tester', value: undefined }, 'value: Required value'),
  match('.value', { header: 'x-tester', value: '' }, 'should be at least 1 chars long'),
  match('.value', { header: 'x-tester', value: 'a'.repeat(257) }, 'Too long'),
  match('.value', { header: 'x-tester', value: 'yes ' }, 'value must be printable ASCII'),
  match('.value', { header: 'x-tester', value: 'a\r\nb' }, 'value must be printable ASCII'),
  match('.value', { header: 'x-tester', value: 'grün' }, 'value must be printable ASCII'),
  ...[' ', '"', ',', ';', '\\'].map((sign) =>
    match('.value', { cookie: 'tester', value: `a${sign}b` }, 'the value of a cookie has no spaces'),
  ),

  blueGreen('', {}),
  blueGreen('', { switch: 'Manual', keepSeconds: 0 }),
  blueGreen('', { scaleDownDelaySeconds: 1 }, 'unknown field'),
  blueGreen('.switch', { switch: 'Auto', previewSeconds: 60 }),
  blueGreen('.switch', { switch: 'Never' }, 'Unsupported value: "Never"'),
  ...bounds(blueGreen, '.previewSeconds', 0, WEEK),
  blueGreen('.previewSeconds', { switch: 'Manual', previewSeconds: 60 }, 'previewSeconds delays an Auto switch'),
  ...bounds(blueGreen, '.keepSeconds', 0, WEEK),

  shadow('', {}),
  shadow('', { weight: 10 }, 'unknown field "spec.rollout.shadow.weight"'),
  ...bounds(shadow, '.percent', 1, 100),
  ...bounds(shadow, '.seconds', 0, WEEK),
  shadow('.promotion', { promotion: 'Auto' }),
  shadow('.promotion', { promotion: 'Never' }, 'Unsupported value: "Never"'),
  ...bounds(shadow, '.replicas', 1, 1000),
  shadow('.tolerance', { tolerance: 0 }),
  shadow('.tolerance', { tolerance: 1e-3 }),
  shadow('.tolerance', { tolerance: -1e-3 }, 'should be greater than or equal to 0'),
  shadow('.tolerance', { tolerance: '1%' }, 'must be of type number'),
  ...bounds(shadow, '.maxDifferingPercent', 0, 100),

  analysis('', {}),
  analysis('', { prometheusUrl: 'http://prometheus' }, 'unknown field "spec.rollout.analysis.prometheusUrl"'),
  analysis('', { minRequests: 0, prometheus: [] }),
  analysis(
    '',
    { minRequests: 0, prometheus: [{ name: 'a', query: 'up', max: 1 }] },
    'minRequests 0 switches the analysis off',
  ),
  ...bounds(analysis, '.minRequests', 0, 1_000_000),
  ...bounds(analysis, '.maxErrorPercent', 0, 100),
  analysis('.maxErrorPercent', { maxErrorPercent: 0.5 }, 'must be of type integer'),
  ...bounds(analysis, '.maxNonFinitePercent', 0, 100),
  ...bounds(analysis, '.maxLatencyPercent', 0, 10_000),
  query('', {}),
  query('', { max: undefined }, 'a query needs max or min'),
  query('', { min: 6 }, 'min is larger than max'),
  query('', { url: 'http://prometheus' }, 'unknown field "spec.rollout.analysis.prometheus[0].url"'),
  analysis('.prometheus', { prometheus: 'http://prometheus' }, 'must be of type array'),
  analysis('.prometheus', { prometheus: ['a', 'a'].map((name) => ({ name, query: 'up', max: 1 })) }, 'Duplicate value'),
  analysis(
    '.prometheus',
    { prometheus: Array.from({ length: 9 }, (_, i) => ({ name: `${i}`, query: 'up', max: 1 })) },
    'must have at most 8 items',
  ),
  query('.name', { name: 'requests in the queue' }),
  query('.name', { name: undefined }, 'name: Required value'),
  query('.name', { name: '' }, 'should be at least 1 chars long'),
  query('.name', { name: 'a'.repeat(65) }, 'Too long'),
  query('.query', {
    query: 'sum(rate(errors{namespace="{{namespace}}", pod=~"{{name}}-.*", revision="{{target}}"}[2m])) > {{stable}}',
  }),
  query('.query', { query: undefined }, 'query: Required value'),
  query('.query', { query: '' }, 'should be at least 1 chars long'),
  query('.query', { query: 'a'.repeat(1025) }, 'Too long'),
  query(
    '.query',
    { query: 'up{job="{{args.job}}"}' },
    'a query knows {{namespace}}, {{name}}, {{stable}} and {{target}} only',
  ),
  query('.max', { max: -0.5 }),
  query('.max', { max: '5' }, 'must be of type number'),
  query('.min', { min: 5 }),
  query('.min', { max: undefined, min: 1e-6 }),
  query('.min', { min: '1%' }, 'must be of type number'),
  ...bounds(rollout, 'bakeSeconds', 0, 86_400),
  rollout('knownRevisions', { knownRevisions: 'Trial' }),
  rollout('knownRevisions', { knownRevisions: 'Never' }, 'Unsupported value: "Never"'),
  ...bounds(rollout, 'progressDeadlineSeconds', 10, 86_400),
  rollout('onFailure', { onFailure: 'Pause' }),
  rollout('onFailure', { onFailure: 'Ignore' }, 'Unsupported value: "Ignore"'),
  rollout('whenStableDies', { whenStableDies: 'Hold' }),
  rollout('whenStableDies', { whenStableDies: 'TakeOver' }),
  rollout('whenStableDies', { whenStableDies: 'Promote' }, 'Unsupported value: "Promote"'),
  rollout('onManualUndo', { onManualUndo: 'Revert' }),
  rollout('onManualUndo', { onManualUndo: 'Ignore' }, 'Unsupported value: "Ignore"'),
  rollout('action', { action: { type: 'Retry', id: '2026-01-01' } }),
  rollout('action', { action: 'Retry' }, 'must be of type object'),
  ...['Retry', 'Refresh', 'Promote', 'Abort', 'Pause', 'Resume'].map((type) =>
    rollout('action.type', { action: { type, id: 'a' } }),
  ),
  rollout('action.type', { action: { type: 'Explode', id: 'a' } }, 'Unsupported value: "Explode"'),
  rollout('action.type', { action: { id: 'a' } }, 'type: Required value'),
  rollout('action.id', { action: { type: 'Retry', id: 'a'.repeat(64) } }),
  rollout('action.id', { action: { type: 'Retry' } }, 'id: Required value'),
  rollout('action.id', { action: { type: 'Retry', id: '' } }, 'should be at least 1 chars long'),
  rollout('action.id', { action: { type: 'Retry', id: 'a'.repeat(65) } }, 'Too long'),
];
