import pc from 'picocolors';
import { exec } from '../tools/exec.ts';
import { Progress } from '../tools/progress.ts';

/**
 * npm run check: what generates is regenerated and compared, then types, lint, boundaries, unused code and unit tests.
 * All are run, so that one look shows everything that is wrong.
 */
const GENERATED = [
  'operator/src/api',
  'charts/modeldeployment-operator',
  'docs/reference',
  'modelpack/src/analysis',
  'docs/adr/README.md',
];
const ROOT = new URL('..', import.meta.url).pathname;

const run = (command: string, ...args: string[]): Promise<string> => exec(command, args, { cwd: ROOT });

async function regenerate(): Promise<void> {
  const before = await run('git', 'hash-object', ...(await generatedFiles()));
  await run('npx', 'tsx', 'scripts/generate.ts');
  const after = await run('git', 'hash-object', ...(await generatedFiles()));
  if (before !== after)
    throw new Error('generated files were out of date; they are regenerated now: look at git diff, and commit');
}

const generatedFiles = async (): Promise<string[]> => (await run('git', 'ls-files', ...GENERATED)).trim().split('\n');

const steps: Record<string, () => Promise<unknown>> = {
  'generated files': regenerate,
  types: () => run('npx', 'tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/tsc.json'),
  lint: () => run('npx', 'eslint', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'),
  format: () => run('npx', 'prettier', '--check', '--cache', '--log-level=warn', '**/*.ts'),
  boundaries: () =>
    run(
      'npx',
      'depcruise',
      'operator',
      'serving-image',
      'cli',
      'modelpack',
      'e2e',
      'conformance',
      'bench',
      'tools',
      'crds',
      'charts',
      'scripts',
    ),
  'unused code': () => run('npx', 'knip'),
  // Those that start whole servers, *.server.test.ts, take minutes: npm test runs them.
  'unit tests': () =>
    run(
      'npm',
      'run',
      '-s',
      'unit',
      '--',
      '--silent',
      '--testPathIgnorePatterns',
      '/node_modules/',
      '\\.server\\.test\\.ts$',
    ),
};

const progress = new Progress();
const failures: string[] = [];
for (const [name, step] of Object.entries(steps)) {
  await progress.step(name, step).catch((error: unknown) => {
    const { stdout = '', message } = error as Error & { stdout?: string };
    failures.push(`${pc.red(name)}\n${(stdout.trim() === '' ? message : `${stdout.trim()}\n${message}`).slice(-6000)}`);
  });
}
if (failures.length > 0) {
  console.error(`\n${failures.join('\n\n')}`);
  process.exitCode = 1;
}
