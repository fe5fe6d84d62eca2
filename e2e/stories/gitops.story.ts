import assert from 'node:assert/strict';
import { Plugin } from '../harness/plugin.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/** As docs/gitops.md names it. */
const MANAGER = 'argocd-controller';
const REPOSITORY = 'gitops/digits';

/** One way through each strategy that needs no person. */
const UNJUDGED = { analysis: { minRequests: 0 } };
const ROLLOUTS: Readonly<Record<string, object>> = {
  Canary: { ...UNJUDGED, canary: { steps: [10, 50, 100].map((weight) => ({ weight, seconds: 3 })) } },
  BlueGreen: { ...UNJUDGED, blueGreen: { keepSeconds: 8 } },
  Shadow: { ...UNJUDGED, shadow: { seconds: 5, promotion: 'Auto' } },
  RollingUpdate: {},
};
const WAITING = { strategy: 'Canary', canary: { steps: [{ weight: 50 }] }, ...UNJUDGED };

const manifest = ({ models }: Scene, tag: string, rollout: object) => ({
  apiVersion: 'modelserving.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'digits' },
  spec: {
    model: { uri: models.uri(REPOSITORY, tag), version: tag },
    replicas: 2,
    rollout,
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
    private readonly rollout: object,
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
      await cluster.kubectl(args, { input: JSON.stringify(manifest(this.scene, this.tag, this.rollout)) });
      this.applied++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

/** What a ModelDeployment went through, as somebody who looks all the time sees it: each value once until it changes. */
class Course {
  readonly weights: number[] = [];
  readonly stable: number[] = [];
  readonly generations: number[] = [];
  /** Uids of all pods that were there, by revision. */
  readonly pods = new Map<number, Set<string>>();
  private failure: Error | undefined;
  private stopped = false;
  private readonly running: Promise<void>;

  private constructor(private readonly scene: Scene) {
    this.running = this.run().catch((error: unknown) => void (this.failure = error as Error));
  }

  /** Resolves when the first look is taken: the operator may be quicker than a look. */
  static async begin(scene: Scene): Promise<Course> {
    const course = new Course(scene);
    const look = (): Promise<true | undefined> => {
      if (course.failure !== undefined) throw course.failure;
      return Promise.resolve(course.generations.length > 0 ? true : undefined);
    };
    await waitFor('a first look', look, { seconds: 30 });
    return course;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    if (this.failure !== undefined) throw this.failure;
  }

  private async run(): Promise<void> {
    const { mdep } = this.scene;
    const note = (list: number[], value: number | undefined): void => {
      if (value !== undefined && value !== list.at(-1)) list.push(value);
    };
    while (!this.stopped) {
      const { metadata, status } = await mdep.get('digits');
      note(this.generations, metadata.generation);
      note(this.stable, status?.stable?.revision);
      if (status?.trial?.phase === 'Running' || status?.trial?.phase === 'Switched')
        note(this.weights, status.trial.weight);
      for (const revision of [1, 2]) {
        const seen = this.pods.get(revision) ?? new Set();
        for (const uid of await mdep.podUids('digits', revision)) seen.add(uid);
        this.pods.set(revision, seen);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function watching(scene: Scene, run: () => Promise<void>): Promise<Course> {
  const course = await Course.begin(scene);
  try {
    await run();
  } finally {
    await course.stop();
  }
  return course;
}

const perStrategy = Object.entries(ROLLOUTS).map(([strategy, settings]) =>
  story(`a manifest that is applied again and again makes nothing flap: ${strategy}`, async (scene) => {
    const { given, when, then, mdep, models } = scene;
    await models.push('digits/v1/saved_model', REPOSITORY, '1');
    await models.push('digits/v2/saved_model', REPOSITORY, '2');
    const git = await given('version 1 in Git', () => Promise.resolve(new Git(scene, '1', { strategy, ...settings })));
    try {
      await git.appliedAgain(1);
      await mdep.untilReady('digits', 1);
      const course = await watching(scene, async () => {
        await when('Git asks for version 2, and goes on', () => Promise.resolve((git.tag = '2')));
        await mdep.untilReady('digits', 2);
        await git.appliedAgain(5);
      });
      await then('the way there was straight', async () => {
        const { weights, stable, generations, pods } = course;
        console.log(
          `      weights ${weights.join(' ')}, stable ${stable.join(' ')}, generations ${generations.join(' ')}`,
        );
        assert.deepEqual(
          weights,
          [...weights].sort((a, b) => a - b),
          'the weight never falls',
        );
        assert.deepEqual(stable, [1, 2]);
        assert.equal(generations.length, 2, 'one change of the spec, ours are none');
        assert.equal(pods.get(1)?.size, 2, 'no pod of version 1 was started anew');
        assert.deepEqual([...(pods.get(2) ?? [])].sort(), (await mdep.podUids('digits', 2)).sort());
      });
      const after = await watching(scene, async () => {
        await when('a person undoes by kubectl rollout undo', () =>
          mdep.kubectl('rollout', 'undo', 'deployment/digits'),
        );
        await mdep.untilReady('digits', 1);
        await git.appliedAgain(5);
      });
      await then('that is straight as well, and stays', async () => {
        console.log(`      stable ${after.stable.join(' ')}, generations ${after.generations.join(' ')}`);
        assert.deepEqual(after.stable, [2, 1]);
        assert.deepEqual(after.weights, [], 'an undo is no trial');
        assert.deepEqual((await mdep.get('digits')).spec.rollbackTo, { revision: 1, from: 2 });
        assert.equal(after.generations.length, 2, 'the adopted undo is the one change');
      });
    } finally {
      await git.stop();
    }
  }),
);

export const stories = [
  ...perStrategy,
  story(
    'a GitOps controller that applies the same again and again disturbs no trial, action or undo',
    async (scene) => {
      const { given, when, then, mdep, models, cluster, namespace } = scene;
      const plugin = new Plugin(cluster, namespace);
      await models.push('digits/v1/saved_model', REPOSITORY, '1');
      await models.push('digits/v2/saved_model', REPOSITORY, '2');
      const git = await given('version 1 in Git', () => Promise.resolve(new Git(scene, '1', WAITING)));
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
