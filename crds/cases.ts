/**
 * What the API server must accept and refuse: for every field a value that is right, and for every field and rule one
 * that is wrong, with the words a person sees. cases.run.ts plays it against a real API server, because nothing else runs
 * CEL; cases.test.ts holds it against the CRD, so that no field and no rule is left out.
 */
export interface Case {
  /** Path of the field, as in `kubectl explain`. */
  field: string;
  /** Merged over MINIMAL at the top level. */
  manifest: object;
  /** Part of the message with which it is refused; undefined when it is accepted. */
  refused?: string;
}

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;
const URI = 'oci://registry.example/models/digits:1';

export const MINIMAL = {
  apiVersion: 'modelserving.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'digits' },
  spec: { model: { uri: URI } },
};

/** A case whose spec is `value` beside a right model. */
const spec = (field: string, value: object, refused?: string): Case => ({
  field: `spec.${field}`,
  manifest: { spec: { model: { uri: URI }, ...value } },
  ...(refused === undefined ? {} : { refused }),
});
const model = (field: string, value: object, refused?: string): Case =>
  spec(`model.${field}`, { model: { uri: URI, ...value } }, refused);
const server = (field: string, value: object, refused?: string): Case =>
  spec(`server.${field}`, { server: value }, refused);
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
const blueGreen = (field: string, value: object, refused?: string): Case =>
  rollout(`blueGreen${field}`, { strategy: 'BlueGreen', blueGreen: value }, refused);
const shadow = (field: string, value: object, refused?: string): Case =>
  rollout(`shadow${field}`, { strategy: 'Shadow', shadow: value }, refused);
const analysis = (field: string, value: object, refused?: string): Case =>
  rollout(`analysis${field}`, { analysis: value }, refused);
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
/** One query of the analysis, beside a right name, query and limit. */
const query = (field: string, value: object, refused?: string): Case =>
  analysis(`.prometheus${field}`, { prometheus: [{ name: 'queue', query: 'queue', max: 5, ...value }] }, refused);
const back = (field: string, value: object, refused?: string): Case =>
  spec(`rollbackTo${field}`, { rollbackTo: value }, refused);

const QUANTITY = 'must be a quantity such as 500m, 2 or 1.5Gi';
const SURGE = 'maxSurge must be a number from 0 to 1000 or a percentage such as 25%';
const UNAVAILABLE = 'maxUnavailable must be a number from 0 to 1000 or a percentage up to 100%';
const OCI_FORM = 'an oci uri must look like';
const WEEK = 604_800;
const PVC_FORM = 'a pvc uri must look like';

export const CASES: readonly Case[] = [
  { field: 'metadata.name', manifest: { metadata: { name: 'a'.repeat(50) } } },
  { field: 'metadata.name', manifest: { metadata: { name: 'a'.repeat(51) } }, refused: 'at most 50 characters' },
  { field: 'metadata.name', manifest: { metadata: { name: '1digits' } }, refused: 'must begin with a letter' },
  { field: 'metadata.name', manifest: { metadata: { name: 'a.b' } }, refused: "lower-case letters, digits and '-'" },
  { field: 'spec', manifest: {} },
  { field: 'spec', manifest: { spec: undefined }, refused: 'spec: Required value' },
  spec('podTemplate', { podTemplate: {} }, 'unknown field "spec.podTemplate"'),
  spec('serviceAccountName', { serviceAccountName: 'admin' }, 'unknown field "spec.serviceAccountName"'),

  spec('model', {}),
  spec('model', { model: undefined }, 'spec.model: Required value'),
  model('uri', { uri: `oci://registry.example:5000/a-b/c.d/e__f@${DIGEST}` }),
  model('uri', { uri: `oci://registry.example/a:1@${DIGEST}` }),
  model('uri', { uri: 'pvc://claim' }),
  model('uri', { uri: 'pvc://claim/folder/v1' }),
  model('uri', { uri: undefined }, 'spec.model.uri: Required value'),
  model('uri', { uri: 'oci://' }, 'should be at least 7 chars long'),
  model('uri', { uri: `oci://r.example/${'a'.repeat(600)}:1` }, 'Too long'),
  model('uri', { uri: 'https://models.example/digits' }, 'uri must begin with oci:// or pvc://'),
  model('uri', { uri: 'file:///etc/passwd' }, 'uri must begin with oci:// or pvc://'),
  model('uri', { uri: 'oci://registry.example/Digits:1' }, OCI_FORM),
  model('uri', { uri: 'oci://registry.example/a/../b:1' }, OCI_FORM),
  model('uri', { uri: 'oci://registry.example/a//b:1' }, OCI_FORM),
  model('uri', { uri: 'oci://registry.example/%2e%2e/b:1' }, OCI_FORM),
  model('uri', { uri: 'oci://registry.example/a:1?x=y' }, OCI_FORM),
  model('uri', { uri: 'oci://user:password@registry.example/digits:1' }, OCI_FORM),
  model('uri', { uri: 'oci://[::1]/digits:1' }, OCI_FORM),
  model('uri', { uri: 'oci://registry.example/digits' }, "there is no implied 'latest'"),
  model('uri', { uri: 'pvc://claim/../secrets' }, PVC_FORM),
  model('uri', { uri: 'pvc://claim//v1' }, PVC_FORM),
  model('uri', { uri: 'pvc:///etc' }, PVC_FORM),
  model('uri', { uri: 'pvc://claim/a\\b' }, PVC_FORM),

  model('version', { version: '3' }),
  model('version', { version: 'v3' }, 'version must be a number written as a string'),
  model('version', { version: '03' }, 'without leading zeros'),
  model('version', { version: 3 }, 'must be of type string'),
  model('version', { version: '1234567890123456789' }, 'Too long'),

  model('format', { format: 'TFJSGraph' }),
  model('format', { format: 'ONNX' }, 'Unsupported value: "ONNX"'),

  model('digest', { digest: DIGEST }),
  model('digest', { uri: `oci://r.example/a@${DIGEST}`, digest: DIGEST }),
  model('digest', { digest: 'latest' }, 'digest must be sha256:'),
  model('digest', { digest: `sha256:${HEX}a` }, 'Too long'),
  spec(
    'model',
    { model: { uri: `oci://r.example/a@sha256:${'b'.repeat(64)}`, digest: DIGEST } },
    'uri and digest name different bytes',
  ),

  model('secretRef', { secretRef: { name: 'registry' } }),
  model('secretRef', { uri: 'pvc://claim/x', secretRef: { name: 'a' } }, 'secretRef is used for oci:// only'),
  model('secretRef', { secretRef: { name: 'a', namespace: 'other' } }, 'unknown field'),
  model('secretRef.name', { secretRef: { name: 'registry.v2' } }),
  model('secretRef.name', { secretRef: {} }, 'name: Required value'),
  model('secretRef.name', { secretRef: { name: '' } }, 'the name of a Secret consists of'),
  model('secretRef.name', { secretRef: { name: '../a' } }, 'the name of a Secret consists of'),

  spec('server', { server: {} }),
  spec('server', { server: 'tensorflow' }, 'must be of type object'),
  server('engine', { engine: 'wasm' }),
  server('engine', { engine: 'cuda' }, 'Unsupported value: "cuda"'),
  server('image', { image: 'registry.example:5000/a/server:1' }),
  server('image', { image: `registry.example/server@${DIGEST}` }),
  server('image', { image: '' }, 'image must look like'),
  server('image', { image: 'server --privileged' }, 'image must look like'),
  server('updatePolicy', { updatePolicy: 'Auto' }),
  server('updatePolicy', { updatePolicy: 'Never' }, 'Unsupported value: "Never"'),
  server('resources', { resources: { requests: { cpu: '500m' }, limits: { cpu: 2, memory: '1Gi' } } }),
  server(
    'resources',
    { resources: { requests: { cpu: '3' }, limits: { cpu: '2000m' } } },
    'a request must not be larger than its limit',
  ),
  server('resources.requests', { resources: { requests: { cpu: 1, memory: '1.5Gi', 'ephemeral-storage': '2G' } } }),
  server(
    'resources.requests',
    { resources: { requests: { 'vendor.example/gpu': 1 } } },
    'cpu, memory and ephemeral-storage',
  ),
  server('resources.requests', { resources: { requests: { cpu: 1.5 } } }, 'must be of type integer,string'),
  server('resources.requests', { resources: { requests: { cpu: 'two' } } }, QUANTITY),
  server('resources.limits', { resources: { limits: { memory: '3Gi' } } }),
  server('resources.limits', { resources: { limits: { pods: 3 } } }, 'cpu, memory and ephemeral-storage'),
  server('resources.limits', { resources: { limits: { memory: '1e99Gi' } } }, QUANTITY),
  server('resources.limits', { resources: { limits: { memory: '-1' } } }, QUANTITY),
  server('resources.limits', { resources: { limits: { memory: -1 } } }, QUANTITY),

  spec('replicas', { replicas: 0 }),
  spec('replicas', { replicas: 1000 }),
  spec('replicas', { replicas: -1 }, 'should be greater than or equal to 0'),
  spec('replicas', { replicas: 1_000_000_000 }, 'should be less than or equal to 1000'),
  spec('replicas', { replicas: '3' }, 'must be of type integer'),
  spec('replicas', { replicas: 2.5 }, 'must be of type integer'),

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

  back('', { revision: 1, from: 2 }),
  back('', { from: 2 }, 'name either a revision or a digest'),
  back('', { revision: 1, digest: DIGEST }, 'name either a revision or a digest'),
  back('', { revision: 2, from: 2 }, 'there is nothing to return to'),
  back('.revision', { revision: 1 }),
  back('.revision', { revision: 0 }, 'should be greater than or equal to 1'),
  back('.revision', { revision: '1' }, 'must be of type integer'),
  back('.digest', { digest: DIGEST, from: 2 }),
  back('.digest', { digest: 'sha256:1' }, 'digest must be sha256:'),
  back('.from', { revision: 1, from: 2_147_483_647 }),
  back('.from', { revision: 1, from: 0 }, 'should be greater than or equal to 1'),
  back('.from', { revision: 1, from: 9e15 }, 'should be less than or equal to 2147483647'),

  spec('revisionHistoryLimit', { revisionHistoryLimit: 100 }),
  spec('revisionHistoryLimit', { revisionHistoryLimit: 0 }, 'should be greater than or equal to 1'),
  spec('revisionHistoryLimit', { revisionHistoryLimit: 101 }, 'should be less than or equal to 100'),
];
