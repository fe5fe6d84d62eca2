/**
 * npm run protocol -- [--url URL --model NAME] [--only TEXT] [--peers] [--report FILE]
 *
 * Puts the protocol suite to a server that runs, and prints what it fails. Cases that need a model of the suite (models.ts)
 * which the server does not have are skipped. --peers starts our server, MLServer and KServe's with the suite's models, puts
 * it to each, and writes the report of docs/reference/protocol-suite.md, or FILE.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { MODEL } from './models.ts';
import { compare } from './peers.ts';
import { runSuite, type Report } from './run.ts';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    model: { type: 'string', default: MODEL.dense },
    only: { type: 'string', default: '' },
    peers: { type: 'boolean', default: false },
    report: { type: 'string', default: new URL('../../docs/reference/protocol-suite.md', import.meta.url).pathname },
  },
});

function print({ verdicts, skipped }: Report): void {
  for (const { title, problem } of verdicts)
    if (problem !== undefined) console.log(`${pc.red('✗')} ${title}\n    ${problem}`);
  const failed = verdicts.filter(({ problem }) => problem !== undefined).length;
  console.log(`${verdicts.length - failed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (options.peers) {
  await writeFile(options.report, await compare());
  console.log(`written to ${options.report}`);
} else if (options.url === undefined) {
  console.error('Which server? Say --url http://HOST:PORT, or --peers for those of this repository.');
  process.exitCode = 2;
} else {
  print(await runSuite(new URL(options.url), options.model, options));
}
