import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * npm test: unit tests, then every story on a real cluster. Ends with one line that counts both, for whoever reads only
 * that.
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

const storiesStarted = Date.now();
const stories = await run('npx', ['tsx', 'e2e/stories/main.ts', ...process.argv.slice(2)]);
console.log(`stories: ${Math.round((Date.now() - storiesStarted) / 1000)} s\n`);
const [, passed = '0', failed = '1', skipped = '0'] =
  /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(stories.tail) ?? [];

const failedSuites = Math.max(0, (numFailedTestSuites ?? 0) - (numFailedTests ?? 0));
console.log(
  `${(numPassedTests ?? 0) + Number(passed)} passed, ${(numFailedTests ?? 0) + failedSuites + Number(failed)} failed, ${skipped} skipped`,
);
process.exitCode = units.code === 0 && stories.code === 0 ? 0 : 1;
