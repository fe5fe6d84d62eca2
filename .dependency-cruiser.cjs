/** Boundaries of the code base, as rules: imports point down only. The map they draw is in CONTRIBUTING.md. */
const TESTS = '\\.test\\.ts$';
module.exports = {
  forbidden: [
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
      name: 'modelpack-stands-alone',
      severity: 'error',
      from: { path: '^modelpack/' },
      to: { path: '^(operator|serving-image|cli|e2e|conformance|bench|tools)/' },
    },
    {
      name: 'operator-core-is-pure',
      comment: 'core/ decides; it reads no clock, file, network or log. Only api/ and itself.',
      severity: 'error',
      from: { path: '^operator/src/core/', pathNot: TESTS },
      to: { pathNot: '^operator/src/(core|api)/|^modelpack/src/(contract|traffic|foreign-text)\\.ts|kubernetes-models|^(node:)?crypto$' },
    },
    {
      name: 'operator-runtime-knows-no-models',
      severity: 'error',
      from: { path: '^operator/src/runtime/', pathNot: TESTS },
      to: { path: '^operator/src/(core|api|controller|main|config)' },
    },
    {
      name: 'operator-api-is-a-leaf',
      severity: 'error',
      from: { path: '^operator/src/api/', pathNot: TESTS },
      to: { path: '^operator/src/(core|runtime|controller|telemetry|main|config)' },
    },
    {
      name: 'server-protocol-is-pure',
      severity: 'error',
      from: { path: '^serving-image/src/protocol/', pathNot: TESTS },
      to: {
        pathNot: '^serving-image/src/(protocol|model/(types|catalog|half|array-slab)\\.ts|errors\\.ts)|^modelpack/|^(node:)?buffer$|/protobufjs/',
      },
    },
    {
      name: 'server-trial-decides-apart-from-effects',
      severity: 'error',
      from: { path: '^serving-image/src/trial/(background-queue|circuit-breaker|routing|compare|deadline|trial-request|outputs|recent-requests|counts)\\.ts$' },
      to: { pathNot: '^serving-image/src/(trial/(routing|compare|outputs|counts)|model/(types|golden))\\.ts$|^modelpack/' },
    },
    {
      name: 'server-trial-knows-no-server',
      comment: 'what asks, answers and counts during a trial is the same for every protocol; http/ and worker/ use it',
      severity: 'error',
      from: { path: '^serving-image/src/trial/', pathNot: TESTS },
      to: { path: '^serving-image/src/(http|grpc|handlers|supervisor|worker|versions|engines|sources|config|main)' },
    },
    {
      name: 'server-batching-policy-is-pure',
      severity: 'error',
      from: { path: '^serving-image/src/batching/(policy|join)', pathNot: TESTS },
      to: { pathNot: '^serving-image/src/model/(types|array-slab)\\.ts' },
    },
    {
      name: 'server-batching-knows-no-transport',
      severity: 'error',
      from: { path: '^serving-image/src/batching/', pathNot: TESTS },
      to: { pathNot: '^serving-image/src/(batching|errors|protocol/request|model/(types|array-slab))' },
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
    {
      name: 'main-is-the-root',
      comment: 'main.ts wires; nobody imports it',
      severity: 'error',
      from: { path: '^(operator|serving-image|cli)/src/(?!main\\.ts)' },
      to: { path: '^(operator|serving-image|cli)/src/main\\.ts$' },
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
