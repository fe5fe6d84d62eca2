import pc from 'picocolors';
import { Client } from './client.ts';
import { Mdep } from './mdep.ts';
import type { Progress } from '../../tools/progress.ts';
import { OPERATOR_NAMESPACE, type Stage } from './stage.ts';
import type { Scene, Step, Story } from './story.ts';

let count = 0;

/** Plays one story in a fresh namespace, which is removed afterwards whatever came of it. */
export async function play(
  story: Story,
  stage: Stage,
  progress: Progress,
  options: { all: boolean },
): Promise<'passed' | 'failed' | 'skipped'> {
  const { cluster, models, images } = stage;
  const can = { ...cluster.can, time: options.all };
  const lacking = story.needs.filter((need) => !can[need]);
  if (lacking.length > 0) {
    console.log(`${pc.yellow('-')} ${story.title} ${pc.dim(`(needs ${lacking.join(', ')})`)}`);
    return 'skipped';
  }
  const namespace = `story-${++count}-${Date.now().toString(36)}`;
  const golden = { v1: models.golden('v1'), v2: models.golden('v2') };
  let client: Promise<Client> | undefined;
  const step =
    (word: string): Step =>
    async (what, run) => {
      try {
        return await run();
      } catch (error) {
        throw new Error(`${word} ${what}: ${(error as Error).message}`, { cause: error });
      }
    };
  const scene: Scene = {
    cluster,
    namespace,
    models,
    images,
    mdep: new Mdep(cluster, namespace),
    operatorNamespace: OPERATOR_NAMESPACE,
    client: () =>
      (client ??= Client.start(cluster, namespace, images.serving, {
        'v1.json': golden.v1.body,
        'v2.json': golden.v2.body,
        // With a deadline, of a microsecond, that no server keeps.
        'impatient.json': JSON.stringify({ ...(JSON.parse(golden.v1.body) as object), parameters: { timeout: 1 } }),
        'malformed.json': '{"inputs":[]}',
        'predict.json': models.predictBody('v1'),
        'expected.json': JSON.stringify({ 1: golden.v1.answer, 2: golden.v2.answer }),
      })),
    given: step('given'),
    when: step('when'),
    then: step('then'),
  };
  try {
    await progress.step(story.title, async () => {
      await cluster.kubectl(['create', 'namespace', namespace]);
      const restricted = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
      await cluster.kubectl(['label', 'namespace', namespace, ...restricted]);
      await story.run(scene);
    });
    return 'passed';
  } catch (error) {
    console.log(pc.red(indent((error as Error).message)));
    return 'failed';
  } finally {
    await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
  }
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
