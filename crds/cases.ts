import { type Case, spec, URI } from './case.ts';
import { POD_CASES } from './cases.pod.ts';
import { ROLLOUT_CASES } from './cases.rollout.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;

const model = (field: string, value: object, refused?: string): Case =>
  spec(`model.${field}`, { model: { uri: URI, ...value } }, refused);
const server = (field: string, value: object, refused?: string): Case =>
  spec(`server.${field}`, { server: value }, refused);
const back = (field: string, value: object, refused?: string): Case =>
  spec(`rollbackTo${field}`, { rollbackTo: value }, refused);

const QUANTITY = 'must be a quantity such as 500m, 2 or 1.5Gi';
const OCI_FORM = 'an oci uri must look like';
const PVC_FORM = 'a pvc uri must look like';

/**
 * What the API server must accept and refuse: for every field a value that is right, and for every field and rule one
 * that is wrong, with the words a person sees. cases.run.ts plays it against a real API server, because nothing else runs
 * CEL; cases.test.ts holds it against the CRD, so that no field and no rule is left out.
 */
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

  ...POD_CASES,

  spec('replicas', { replicas: 0 }),
  spec('replicas', { replicas: 1000 }),
  spec('replicas', { replicas: -1 }, 'should be greater than or equal to 0'),
  spec('replicas', { replicas: 1_000_000_000 }, 'should be less than or equal to 1000'),
  spec('replicas', { replicas: '3' }, 'must be of type integer'),
  spec('replicas', { replicas: 2.5 }, 'must be of type integer'),

  ...ROLLOUT_CASES,

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
