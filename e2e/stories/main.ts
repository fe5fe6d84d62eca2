import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { down } from '../cluster/index.ts';
import { allRequests } from '../harness/client.ts';
import { Progress } from '../../tools/progress.ts';
import { play } from '../harness/play.ts';
import { setStage, type Stage } from '../harness/stage.ts';
import type { Story } from '../harness/story.ts';

/**
 * npm run e2e -- [--only PATTERN] [--all] [--keep] [--attach] [--nodes N] [--context NAME --registry-push HOST --registry-pull HOST]
 *
 * Plays every promise of *.story.ts on a real cluster, one after the other, each in a namespace of its own.
 */
const { values: options } = parseArgs({
  options: {
    name: { type: 'string', default: 'stories' },
    nodes: { type: 'string', default: '3' },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    attach: { type: 'boolean', default: false },
    context: { type: 'string' },
    'registry-push': { type: 'string' },
    'registry-pull': { type: 'string' },
  },
});

async function loadStories(): Promise<Story[]> {
  const folder = new URL('.', import.meta.url);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.story.ts'))
    .sort();
  const modules = await Promise.all(
    files.map((name) => import(new URL(name, folder).href) as Promise<{ stories: Story[] }>),
  );
  const wanted = new RegExp(options.only ?? '', 'i');
  return modules.flatMap(({ stories }) => stories).filter(({ title }) => wanted.test(title));
}

async function main(): Promise<number> {
  const stories = await loadStories();
  const progress = new Progress();
  const own = options.context === undefined;
  let stage: Stage | undefined;
  const end = async (): Promise<void> => {
    if (own && !options.keep && !options.attach) await down(options.name, {});
  };
  process.once('SIGINT', () => void end().finally(() => process.exit(130)));
  process.once('SIGTERM', () => void end().finally(() => process.exit(143)));
  try {
    // Stories damage things on purpose: nothing of an earlier run, such as its registry, may be met again.
    if (own && !options.attach) await down(options.name, { purge: true });
    stage = await setStage(
      {
        name: options.name,
        nodes: Number(options.nodes),
        attach: options.attach,
        ...(options.context === undefined ? {} : { context: options.context }),
        ...(options['registry-push'] === undefined ? {} : { registryPush: options['registry-push'] }),
        ...(options['registry-pull'] === undefined ? {} : { registryPull: options['registry-pull'] }),
      },
      progress,
    );
    const results = { passed: 0, failed: 0, skipped: 0 };
    for (const story of stories) results[await play(story, stage, progress, { all: options.all })]++;
    console.log(`\nrequests of all stories: ${allRequests.total}, failed: ${allRequests.failed}`);
    console.log(`\nwhere the time went\n${progress.report()}\n`);
    console.log(`${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
    if (results.skipped > 0) console.log(pc.dim('skipped: this cluster lacks what the story needs, or it takes --all'));
    return results.failed === 0 ? 0 : 1;
  } finally {
    await end();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(pc.red((error as Error).message));
  return 1;
});
