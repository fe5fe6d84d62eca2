/** Boundaries of the code base, as rules: imports point down only. The map they draw is in CONTRIBUTING.md. */
const TESTS = '\\.test\\.ts$';

/**
 * Layers of each part, from the top down. What stands in one may import what stands below it, never what stands beside or above it.
 * A name is a folder, or a file of that name.
 */
const LAYERS = {
  'serving-image/src': [
    ['main'],
    ['supervisor', 'worker', 'sources', 'build'],
    ['versions'],
    ['grpc'],
    ['config'],
    ['http'],
    ['handlers'],
    ['ipc', 'loading'],
    ['trial'],
    ['batching', 'security', 'upstream'],
    ['engines'],
    ['protocol', 'telemetry'],
    ['model'],
    ['errors', 'cores', 'addon'],
  ],
  'operator/src': [['main', 'public'], ['controller', 'config'], ['telemetry', 'core'], ['runtime', 'api']],
  'cli/src': [['main'], ['program'], ['commands'], ['kube', 'models', 'screen', 'terminal'], ['view'], ['decide'], ['family', 'input', 'output'], ['errors']],
};
/** The whole, from the top down. */
const PARTS = [
  ['scripts'],
  ['bench'],
  ['conformance'],
  ['e2e'],
  ['serving-image/(test|testing|fuzz)'],
  ['crds', 'charts'],
  ['cli', 'serving-image/src'],
  ['operator'],
  ['modelpack'],
  ['tools'],
];

/** One rule for each name: it imports nothing above it and nothing beside it. */
function downOnly(folder, layers) {
  const pathOf = (name) => `^${folder === '' ? '' : `${folder}/`}${name}(\\.ts$|/)`;
  return layers.flatMap((names, level) =>
    names.map((name) => ({
      name: `${folder === '' ? '' : `${folder}/`}${name}-imports-down-only`,
      severity: 'error',
      from: { path: pathOf(name), pathNot: TESTS },
      to: {
        path: [...layers.slice(0, level).flat(), ...names.filter((other) => other !== name)].map(pathOf).join('|') || '^$',
      },
    })),
  );
}

module.exports = {
  forbidden: [
    ...downOnly('', PARTS),
    ...Object.entries(LAYERS).flatMap(([folder, layers]) => downOnly(folder, layers)),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'operator-never-tensorflow',
      severity: 'error',
      from: { path: '^operator/' },
      to: { path: '(^|/)@tensorflow/|^serving-image/|^cli/|^(e2e|conformance|bench|tools)/' },
    },
    {
      name: 'server-never-kubernetes',
      severity: 'error',
      from: { path: '^serving-image/' },
      to: { path: '@kubernetes|kubernetes-models|^operator/|^cli/|^(e2e|conformance|bench|tools)/' },
    },
    {
      name: 'operator-core-is-pure',
      comment: 'core/ decides; it reads no clock, file, network or log. Only api/ and itself.',
      severity: 'error',
      from: { path: '^operator/src/core/', pathNot: TESTS },
      to: { pathNot: '^operator/src/(core|api)/|^modelpack/src/(contract|traffic|foreign-text)\\.ts|kubernetes-models|^(node:)?crypto$' },
    },
    {
      name: 'server-protocol-is-pure',
      severity: 'error',
      from: { path: '^serving-image/src/protocol/', pathNot: TESTS },
      to: {
        pathNot: '^serving-image/src/(protocol|model/(types|catalog|array-slab)\\.ts|errors\\.ts)|^modelpack/|^(node:)?buffer$|/protobufjs/',
      },
    },
    {
      name: 'server-trial-decides-apart-from-effects',
      severity: 'error',
      from: { path: '^serving-image/src/trial/(background-queue|circuit-breaker|routing|compare|deadline|trial-request|outputs|recent-requests|counts)\\.ts$' },
      to: { pathNot: '^serving-image/src/(trial/(routing|compare|outputs|counts)|model/(types|golden))\\.ts$|^modelpack/' },
    },
    {
      name: 'server-batching-policy-is-pure',
      severity: 'error',
      from: { path: '^serving-image/src/batching/(policy|join)', pathNot: TESTS },
      to: { pathNot: '^serving-image/src/model/(types|array-slab)\\.ts' },
    },
    {
      name: 'only-the-tensorflow-engine-imports-tfjs-node',
      severity: 'error',
      from: { path: '^serving-image/src/', pathNot: '^serving-image/src/engines/tensorflow' },
      to: { path: '@tensorflow/tfjs-node' },
    },
    {
      name: 'cli-sees-the-operator-by-its-public-face',
      severity: 'error',
      from: { path: '^cli/', pathNot: `${TESTS}|^cli/src/testing/` },
      to: { path: '^operator/(?!src/public\\.ts$)|^serving-image/|^(e2e|conformance|bench|tools)/' },
    },
    {
      name: 'operator-does-not-need-its-public-face',
      severity: 'error',
      from: { path: '^operator/' },
      to: { path: '^operator/src/public\\.ts$' },
    },
    {
      name: 'cli-views-and-decisions-are-pure',
      comment: 'view/ draws and decide/ decides, from what they are given; no file, process, cluster or clock.',
      severity: 'error',
      from: { path: '^cli/src/(view|decide)/', pathNot: TESTS },
      to: { pathNot: '^cli/src/(view|decide|family\\.ts|errors\\.ts)|^operator/src/public\\.ts$|^modelpack/src/foreign-text\\.ts$|commander|^(node:)?util$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.mjs', '.json'] },
  },
};
