import assert from 'node:assert/strict';
import { Plugin } from '../harness/plugin.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../harness/wait.ts';

/** As docs/gitops.md names it. */
const MANAGER = 'argocd-controller';
const REPOSITORY = 'gitops/digits';

const manifest = ({ models }: Scene, tag: string) => ({
  apiVersion: 'modelserving.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'digits' },
  spec: {
    model: { uri: models.uri(REPOSITORY, tag), version: tag },
    replicas: 2,
    rollout: { strategy: 'Canary', canary: { steps: [{ weight: 50 }] }, analysis: { minRequests: 0 } },
  },
});

/** What is in Git, applied over and over by server-side apply, whatever else happens. */
class Git {
  private applied = 0;
  private failure: Error | undefined;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly scene: Scene,
    public tag: string,
  ) {
    this.running = this.run().catch((error: unknown) => void (this.failure = error as Error));
  }

  /** Waits until it was applied so often from now on. */
  async appliedAgain(times: number): Promise<void> {
    const goal = this.applied + times;
    const look = (): Promise<true | undefined> => {
      if (this.failure !== undefined) throw this.failure;
      return Promise.resolve(this.applied >= goal ? true : undefined);
    };
    await waitFor(`Git to be applied ${times} times`, look, { seconds: 120 });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    const { cluster, namespace } = this.scene;
    const args = [
      'apply',
      '-n',
      namespace,
      '--server-side',
      '--force-conflicts',
      `--field-manager=${MANAGER}`,
      '-f',
      '-',
    ];
    while (!this.stopped) {
      await cluster.kubectl(args, { input: JSON.stringify(manifest(this.scene, this.tag)) });
      this.applied++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

export const stories = [
  story(
    'a GitOps controller that applies the same again and again disturbs no trial, action or undo',
    async (scene) => {
      const { given, when, then, mdep, models, cluster, namespace } = scene;
      const plugin = new Plugin(cluster, namespace);
      await models.push('digits/v1/saved_model', REPOSITORY, '1');
      await models.push('digits/v2/saved_model', REPOSITORY, '2');
      const git = await given('version 1 in Git', () => Promise.resolve(new Git(scene, '1')));
      /** Nothing moves while Git applies the same five times more. */
      const rests = async (): Promise<void> => {
        const before = await mdep.get('digits');
        await git.appliedAgain(5);
        const after = await mdep.get('digits');
        assert.equal(after.metadata.generation, before.metadata.generation);
        assert.deepEqual([after.status?.phase, after.status?.stable], [before.status?.phase, before.status?.stable]);
      };
      try {
        await git.appliedAgain(1);
        await mdep.untilReady('digits', 1);
        await when('Git asks for version 2', () => Promise.resolve((git.tag = '2')));
        await mdep.until('digits', 'to wait for a person', (status) => /TrialPaused/.test(JSON.stringify(status)));
        await then('the trial rests', rests);
        await when('a person promotes it', () => plugin.run(['promote', 'digits', '--wait']));
        await mdep.untilReady('digits', 2);
        await then('the action stays done', rests);
        await when('a person undoes by kubectl rollout undo', () =>
          mdep.kubectl('rollout', 'undo', 'deployment/digits'),
        );
        await mdep.untilReady('digits', 1);
        await then('the adopted undo holds although Git knows nothing of it', rests);
        assert.deepEqual((await mdep.get('digits')).spec.rollbackTo, { revision: 1, from: 2 });
      } finally {
        await git.stop();
      }
    },
  ),
];
