import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * npm test: unit tests, then the server asked by its users' clients, then every story on a real cluster. Ends with one line
 * that counts all, for whoever reads only that.
 */
const ROOT = new URL('..', import.meta.url).pathname;

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; tail: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    let tail = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      tail = (tail + text).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, tail }));
  });
}

const started = Date.now();
const report = join(tmpdir(), `unit-${process.pid}.json`);
const units = await run('npm', ['run', '-s', 'unit', '--', '--json', `--outputFile=${report}`, '--silent']);
const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8')) as Record<
  string,
  number
>;
console.log(`unit tests: ${Math.round((Date.now() - started) / 1000)} s\n`);

const clientsStarted = Date.now();
const clients = await run('npx', ['tsx', 'conformance/clients/main.ts']);
console.log(`clients: ${Math.round((Date.now() - clientsStarted) / 1000)} s\n`);

const storiesStarted = Date.now();
const stories = await run('npx', ['tsx', 'e2e/stories/main.ts', ...process.argv.slice(2)]);
console.log(`stories: ${Math.round((Date.now() - storiesStarted) / 1000)} s\n`);
const counted = [clients, stories].map(({ tail }) => {
  // The last line of that form: parts may count themselves before it.
  const [, passed = '0', failed = '1', skipped = '0'] =
    [...tail.matchAll(/(\d+) passed, (\d+) failed, (\d+) skipped/g)].at(-1) ?? [];
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
});
const sum = (key: 'passed' | 'failed' | 'skipped') => counted.reduce((total, counts) => total + counts[key], 0);

const failedSuites = Math.max(0, (numFailedTestSuites ?? 0) - (numFailedTests ?? 0));
console.log(
  `${(numPassedTests ?? 0) + sum('passed')} passed, ${(numFailedTests ?? 0) + failedSuites + sum('failed')} failed, ${sum('skipped')} skipped`,
);
process.exitCode = [units, clients, stories].every(({ code }) => code === 0) ? 0 : 1;
