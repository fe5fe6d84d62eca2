import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const OUR_CONTAINERS_ONLY = {
  selector: 'Identifier[name=/^(init|ephemeral)?[cC]ontainerStatuses$/]',
  message: 'look at our containers only, by name: core/health/containers.ts',
};

/** No clock, no chance, no process, no input or output. */
const PURE = [
  'operator/src/core/**/*.ts',
  'cli/src/{view,decide}/**/*.ts',
  'serving-image/src/errors.ts',
  'modelpack/src/{analysis,convert}/**/*.ts',
  'serving-image/src/{model,protocol}/**/*.ts',
  'serving-image/src/batching/{policy,join,alike}.ts',
  'serving-image/src/trial/{circuit-breaker,routing,compare,deadline,trial-request,outputs,recent-requests,counts}.ts',
  'serving-image/src/versions/{version-manager,worker-pool,version-state}.ts',
];

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/dist/**', '**/*.gen.ts', '**/*.mjs', '**/*.cjs', '**/fixtures/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Optional chaining counts as a branch, so the bound is above the usual 15.
      complexity: ['error', { max: 20, variant: 'modified' }],
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    // Command-line programs speak to a person on stdout.
    files: ['e2e/**/*.ts', 'conformance/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts', 'scripts/**/*.ts', 'crds/**/*.ts', 'charts/**/*.ts', 'cli/src/**/*.ts', '*/fuzz/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // Whoever asks another server frames the request itself, and sends no header of a client but by a list: docs/adr/0018.
    files: ['serving-image/src/**/*.ts'],
    ignores: ['serving-image/src/upstream.ts', 'serving-image/src/**/*.test.ts', 'serving-image/testing/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        ...['node:http', 'node:https', 'http', 'https'].map((name) => ({
          name,
          importNames: ['request', 'get', 'Agent', 'globalAgent', 'ClientRequest', 'default'],
          allowTypeImports: true,
          message: 'other servers are asked by upstream.ts alone',
        })),
      ],
      'no-restricted-globals': ['error', { name: 'fetch', message: 'other servers are asked by upstream.ts alone' }],
    },
  },
  {
    files: ['operator/src/**', 'cli/src/**'],
    ignores: ['operator/src/core/health/containers.ts', '**/*.test.ts', '**/testing/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        OUR_CONTAINERS_ONLY,
      ],
    },
  },
  {
    // What decides is given all it knows: the same input gives the same answer.
    files: PURE,
    ignores: ['**/*.test.ts', '**/testing/**', 'operator/src/core/health/containers.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['fetch', 'process', 'performance', 'console', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
          name,
          message: 'this layer is pure: hand it in',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'this layer is pure: hand it in' },
        { object: 'Date', property: 'now', message: 'this layer is pure: hand it in' },
      ],
      'no-restricted-syntax': [
        'error',
        OUR_CONTAINERS_ONLY,
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'this layer is pure: hand the time in' },
        {
          selector: 'ImportDeclaration[source.value=/^node:(?!(buffer|crypto|util)$)/]',
          message: 'this layer is pure: no file, process, network or clock',
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', '**/testing/**'],
    rules: {
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
