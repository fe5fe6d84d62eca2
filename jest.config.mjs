/**
 * Beside the file they test, no cluster, no network but loopback. *.server.test.ts start whole servers, which takes minutes: they
 * are left out of `npm run check`. The stories run by `npm run e2e`.
 */
export default {
  testEnvironment: 'node',
  // For what hangs, not for what is slow.
  testTimeout: 30_000,
  roots: ['modelpack', 'operator', 'serving-image', 'cli', 'e2e', 'conformance', 'bench', 'crds', 'charts', 'scripts'].map((dir) => `<rootDir>/${dir}`),
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
};
