import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec, type ExecError } from '../../tools/exec.ts';
import { Plugin } from '../harness/plugin.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

const NARROW = 60;
const REPOSITORY = 'plugin/digits';

const spec = ({ models }: Scene, tag: string, more: object = {}) => ({
  model: { uri: models.uri(REPOSITORY, tag), version: tag },
  replicas: 2,
  ...more,
});
/** A trial that takes no step by itself. */
const CANARY = { rollout: { strategy: 'Canary', canary: { steps: [{ weight: 50 }] }, analysis: { minRequests: 0 } } };

const manifest = (value: object): string =>
  JSON.stringify({
    apiVersion: 'modelserving.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: value,
  });

const refusalOf = (run: Promise<string>): Promise<string> =>
  run.then(
    (said) => assert.fail(`it was not refused: ${said}`),
    (error: unknown) => (error as ExecError).stderr,
  );

async function servingV1(scene: Scene, more: object = {}): Promise<Plugin> {
  const { given, models, mdep, cluster, namespace } = scene;
  return given('version 1 serves, and version 2 is in the registry', async () => {
    await models.push('digits/v1/saved_model', REPOSITORY, '1');
    await models.push('digits/v2/saved_model', REPOSITORY, '2');
    await mdep.apply('digits', spec(scene, '1', more));
    await mdep.untilReady('digits', 1);
    return new Plugin(cluster, namespace);
  });
}

export const stories = [
  story('kubectl mdep foretells, shows and moves a trial, and goes back', async (scene) => {
    const { when, then, mdep, models } = scene;
    const plugin = await servingV1(scene);
    const next = manifest(spec(scene, '2', CANARY));

    await then('diff tells that pods would start and what is written, and writes nothing', async () => {
      const { metadata } = await mdep.get('digits');
      const said = await plugin.run(['diff', '-f', '-'], { input: next });
      assert.match(said, /a new revision is made: its pods will start, on trial first \(Canary\)/);
      assert.match(said, /create ControllerRevision\/digits-2/);
      const scaled = manifest(spec(scene, '1', { replicas: 3 }));
      assert.match(await plugin.run(['diff', '-f', '-'], { input: scaled }), /no new revision, 1 more pod will start/);
      assert.equal((await mdep.get('digits')).metadata.generation, metadata.generation);
    });

    await when('it is applied', () => mdep.apply('digits', spec(scene, '2', CANARY)));
    await mdep.until(
      'digits',
      'to wait for a person',
      (status) => status.phase === 'Trial' && /TrialPaused/.test(JSON.stringify(status)),
    );
    await then('get shows both revisions with their share, in lines that fit', async () => {
      const lines = (await plugin.run(['get', 'digits'], { columns: NARROW })).split('\n');
      assert.deepEqual(
        lines.filter((line) => line.length > NARROW),
        [],
      );
      const text = lines.join('\n');
      for (const part of [
        /◌ Trial/,
        /revision 2 .*on trial/,
        /revision 1 .*stable/,
        /50 % to revision 2/,
        /kubectl mdep resume/,
      ]) {
        assert.match(text, part);
      }
      const tree = JSON.parse(await plugin.run(['get', 'digits', '-o', 'json'])) as {
        revisions: { percent: number }[];
      };
      assert.deepEqual(
        tree.revisions.map(({ percent }) => percent),
        [50, 50],
      );
    });

    await when('a person promotes it', async () => {
      assert.match(await plugin.run(['promote', 'digits', '--wait']), /^Promote of digits: /);
    });
    await then('it serves, and history tells', async () => {
      await mdep.untilReady('digits', 2);
      assert.match(await plugin.run(['history', 'digits']), /2 +2 +serves .*\n +1 +1 /);
      assert.match(
        await plugin.run(['history', 'digits', '--revision', '2']),
        /changed since revision 1\nspec\.model\.uri/,
      );
    });
    await then('predict gives the golden answer', async () => {
      const golden = models.golden('v2');
      const answer = JSON.parse(
        await plugin.run(['predict', 'digits', '-f', '-', '-o', 'json'], { input: golden.body }),
      ) as {
        outputs: { data: number[] }[];
      };
      golden.answer.forEach((value, i) => assert.ok(Math.abs(value - (answer.outputs[0]?.data[i] ?? NaN)) <= 1e-5));
      const example = await plugin.run(['predict', 'digits', '--example']);
      assert.match(
        await plugin.run(['predict', 'digits', '-f', '-'], { input: example }),
        /version 2 answered[^]*largest/,
      );
    });

    await when('a person undoes', async () => {
      assert.match(
        await plugin.run(['undo', 'digits', '--wait']),
        /returns to revision 1\nrevision 1 \(version 1\) serves/,
      );
    });
    await then('spec.rollbackTo counts until spec.model changes', async () => {
      assert.deepEqual((await mdep.get('digits')).spec.rollbackTo, { revision: 1, from: 2 });
    });
    await when('the undo is undone', () => plugin.run(['undo', 'digits', '--wait']));
    await then('nothing of it is left', async () => {
      assert.equal((await mdep.get('digits')).spec.rollbackTo, undefined);
      await mdep.untilReady('digits', 2);
    });
    await then('events and logs tell of it', async () => {
      assert.match(await plugin.run(['events', 'digits']), /TrialStarted[^]*RolloutComplete/);
      assert.match(
        await plugin.run(['logs', 'digits', '--tail=-1', '--revision', '2']),
        /^\[pod\/digits-\S+\/server\] .*worker ready/m,
      );
    });
  }),

  story('kubectl mdep has no rights but those of the user, and says which one is missing', async (scene) => {
    const { given, then, mdep, namespace } = scene;
    const plugin = await servingV1(scene);
    await given('a user who may see ModelDeployments and pods, and nothing else', async () => {
      await mdep.kubectl(
        'create',
        'role',
        'viewer',
        '--verb=get,list,watch',
        '--resource=modeldeployments.modelserving.dev,pods',
      );
      await mdep.kubectl('create', 'rolebinding', 'viewer', '--role=viewer', '--user=eve');
    });
    const eve = ['--as', 'eve'];
    await then('get shows what may be seen, and tells what may not', async () => {
      const text = await plugin.run(['get', 'digits', ...eve]);
      assert.match(text, /✔ Ready/);
      assert.match(text, /not shown: replicasets\.apps \(you may not list them\)/);
    });
    await then('what needs more is refused in words', async () => {
      assert.match(
        await refusalOf(plugin.run(['retry', 'digits', ...eve])),
        /User "eve" cannot patch resource "modeldeployments"/,
      );
      assert.match(
        await refusalOf(plugin.run(['history', 'digits', ...eve])),
        /cannot list resource "controllerrevisions"/,
      );
      const request = '{"instances": [[0]]}';
      assert.match(
        await refusalOf(plugin.run(['predict', 'digits', '-f', '-', ...eve], { input: request })),
        /"services\/proxy"[^]*port-forward/,
      );
    });
    await then('so is what does not exist', async () => {
      const said = await refusalOf(plugin.run(['get', 'digit']));
      assert.equal(said.trim(), `error: there is no ModelDeployment digit in namespace ${namespace}, which has digits`);
    });
  }),

  story('kubectl mdep get -w keeps up on a terminal, and Ctrl-C leaves it clean', async (scene) => {
    const { when, then, mdep, cluster } = scene;
    const plugin = await servingV1(scene);
    const before = temporaryFolders();
    const watching = watchOnTerminal(plugin, cluster.bin.kubectl);
    await then('it draws', () => watching.until(/digits/));
    await when('version 2 is applied', () => mdep.apply('digits', spec(scene, '2')));
    await mdep.untilReady('digits', 2);
    await then('it is in the picture', () => watching.until(/digits.*Ready[^]*stable.*revision 2/));
    await when('the person presses Ctrl-C', () => watching.interrupt());
    await then('the last picture stands on the first screen, with a cursor, and nothing is left behind', async () => {
      const out = await watching.ended;
      const after = out.slice(out.lastIndexOf('\u001b[?1049l'));
      assert.ok(out.includes('\u001b[?1049h'), 'it was drawn on the second screen');
      assert.ok(out.includes('\u001b[?25h\u001b[?1049l'), 'the cursor is back');
      assert.match(after, /digits.*Ready/);
      assert.deepEqual(temporaryFolders(), before);
    });
  }),

  story('kubectl completes the commands of the plugin, and the names and revisions of the cluster', async (scene) => {
    const { then, cluster, namespace } = scene;
    const plugin = await servingV1(scene);
    const folder = mkdtempSync(join(tmpdir(), 'completion-'));
    try {
      writeFileSync(join(folder, 'kubectl_complete-mdep'), await plugin.run(['completion', 'kubectl']));
      chmodSync(join(folder, 'kubectl_complete-mdep'), 0o755);
      const { env } = new Plugin(cluster, namespace, [folder]);
      const where = [...cluster.kubectlFlags, `--namespace=${namespace}`];
      const after = (...words: string[]): Promise<string> =>
        exec(cluster.bin.kubectl, ['__complete', 'mdep', ...words.slice(0, -1), words.at(-1) ?? ''], { env });
      await then('after kubectl mdep come the commands', async () => assert.match(await after('pro'), /^promote\t/m));
      await then('after a command come the names', async () => {
        assert.match(await after('get', ...where, ''), /^digits$/m);
      });
      await then('after --to-revision come the revisions', async () => {
        assert.match(await after('undo', 'digits', ...where, '--to-revision', ''), /^1\tversion 1 /m);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }),
];

const temporaryFolders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('kubectl-mdep-'));

/** Each picture begins with it. */
const HOME = '\u001b[H';

/** Runs `get -w` on a pseudo terminal, as a person would see it. */
function watchOnTerminal(plugin: Plugin, kubectl: string) {
  const command = [kubectl, ...plugin.args('get', 'digits', '-w')].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols ${NARROW} rows 40; ${command}`, '/dev/null'], {
    env: { ...plugin.env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const ended = new Promise<string>((resolve) => child.on('close', () => resolve(out)));
  return {
    ended,
    /** Resolves when this is in the picture that is seen now, which may be older than what the cluster says. */
    until: (text: RegExp) =>
      waitFor(
        `${text} on the terminal`,
        () => Promise.resolve(text.test(out.slice(out.lastIndexOf(HOME))) || undefined),
        {
          seconds: 30,
          seen: () => Promise.resolve(out),
        },
      ),
    interrupt: () => Promise.resolve(void child.stdin.write('\u0003')),
  };
}
