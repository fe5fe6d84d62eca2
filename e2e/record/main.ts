import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { down } from '../cluster/index.ts';
import { Progress } from '../../tools/progress.ts';
import { setStage } from '../harness/stage.ts';
import { plotSvg } from './plot.ts';
import { Recorder } from './recorder.ts';
import { type Session, SESSIONS } from './sessions.ts';
import { terminalSvg } from './terminal.ts';

/**
 * npm run record -- [--only PAGE] [--name NAME] [--attach] [--keep]
 *
 * Plays a session for each strategy on a real cluster while a client asks, and writes what was on the screen and what the
 * client counted as pictures of docs/strategies.
 */
const { values: options } = parseArgs({
  options: {
    name: { type: 'string', default: 'record' },
    only: { type: 'string', default: '' },
    attach: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const DOCS = new URL('../../docs/strategies/', import.meta.url);
/** Requests a second: enough to see shares of a second, on two busy cores. */
const RATE = 100;

async function record(recorder: Recorder, { page, title, spec, play }: Session): Promise<number> {
  try {
    await recorder.begin(spec, RATE);
    await play(recorder);
    const { session, timeline, last } = await recorder.end(title);
    writeFileSync(new URL(`${page}-session.svg`, DOCS), terminalSvg(title, session));
    writeFileSync(new URL(`${page}-plot.svg`, DOCS), plotSvg(timeline));
    console.log(`      ${last.total} requests, ${last.failed} failed ${JSON.stringify(last.failures)}`);
    return last.failed;
  } finally {
    await recorder.abandon();
  }
}

async function main(): Promise<number> {
  const progress = new Progress();
  const end = async (): Promise<void> => {
    if (!options.keep && !options.attach) await down(options.name, {});
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().finally(() => process.exit(130)));
  try {
    const stage = await setStage({ name: options.name, nodes: 1, attach: options.attach }, progress);
    const recorder = await Recorder.start(stage);
    let failed = 0;
    try {
      for (const session of SESSIONS.filter(({ page }) => page.includes(options.only)))
        failed += await progress.step(session.page, () => record(recorder, session));
    } finally {
      recorder.close();
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await end();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(pc.red((error as Error).message));
  return 1;
});
