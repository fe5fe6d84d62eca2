import pc from 'picocolors';
import { exec } from '../../tools/exec.ts';
import type { Client } from '../harness/client.ts';
import type { Mdep } from '../harness/mdep.ts';
import type { Stage } from '../harness/stage.ts';
import { PortForward } from './port-forward.ts';

const NAME = 'digits';
const REPOSITORY = 'models/digits';

/** The main job, told while it happens. Every line printed after a $ is what was run. */
export class Tour {
  private chapter = 0;

  constructor(
    private readonly stage: Stage,
    private readonly mdep: Mdep,
    private readonly client: Client,
  ) {}

  async run(): Promise<void> {
    await this.push();
    await this.create();
    await this.predict('1');
    await this.update();
    await this.undo();
    await this.look();
  }

  private async push(): Promise<void> {
    const { models } = this.stage;
    await this.tell('Push two versions of a model to the registry', async () => {
      for (const version of ['1', '2'] as const) {
        const digest = await models.push(`digits/v${version}/saved_model`, REPOSITORY, version);
        this.command(`kubectl mdep push models/digits/v${version}/saved_model oci://…/${REPOSITORY}:${version}`);
        this.output(`digest ${digest}`);
      }
    });
  }

  private async create(): Promise<void> {
    await this.tell('Serve version 1', async () => {
      this.output(this.manifest('1'));
      this.command('kubectl apply -f digits.yaml');
      await this.mdep.apply(NAME, this.spec('1'));
      await this.mdep.untilReady(NAME, 1);
      await this.show('get', 'mdep', NAME);
    });
  }

  private async predict(version: '1' | '2'): Promise<void> {
    const { cluster, models } = this.stage;
    await this.tell('Ask it which digit this is', async () => {
      const { body } = models.golden(`v${version}`);
      const { inputs } = JSON.parse(body) as { inputs: { data: number[] }[] };
      this.output(drawing(inputs[0]?.data ?? []));
      const forward = await PortForward.start(cluster, this.mdep.namespace, `service/${NAME}`, 80);
      try {
        const url = `http://127.0.0.1:${forward.port}/v2/models/${NAME}/infer`;
        this.command(`curl -d @request.json http://digits/v2/models/${NAME}/infer`);
        const answer = await exec('curl', [
          '-sS',
          '--fail-with-body',
          '-H',
          'content-type: application/json',
          '-d',
          body,
          url,
        ]);
        const { outputs, model_version: served } = JSON.parse(answer) as {
          outputs: { data: number[] }[];
          model_version: string;
        };
        const probabilities = outputs[0]?.data ?? [];
        const best = probabilities.indexOf(Math.max(...probabilities));
        this.output(
          `version ${served} says ${pc.bold(String(best))} (${((probabilities[best] ?? 0) * 100).toFixed(0)} %)`,
        );
      } finally {
        await forward.stop();
      }
    });
  }

  private async update(): Promise<void> {
    await this.tell('Roll to version 2 while a client calls without pause', async () => {
      const loop = this.client.loop(`http://${NAME}/v2/models/${NAME}/infer`, 4, 'v1.json', 'expected.json');
      try {
        this.command('kubectl apply -f digits.yaml      # the tag is now :2');
        await this.mdep.apply(NAME, this.spec('2'));
        await this.mdep.untilReady(NAME, 2);
        await this.show('get', 'mdep', NAME);
        const { total, failed, versions, failures } = await loop.stop();
        this.output(`the client: ${total} requests, ${verdict(failed)}, answered by version ${listOf(versions)}`);
        if (failed > 0) throw new Error(`requests were lost: ${JSON.stringify(failures)}`);
      } finally {
        await loop.abandon();
      }
    });
  }

  private async undo(): Promise<void> {
    await this.tell('Go back with the command everybody knows', async () => {
      const started = Date.now();
      await this.show('rollout', 'undo', `deployment/${NAME}`);
      await this.mdep.untilReady(NAME, 1);
      this.output(
        `version 1 serves again after ${((Date.now() - started) / 1000).toFixed(1)} s, with the same bytes as before`,
      );
      await this.show('get', 'mdep', NAME, '-o', 'wide');
    });
  }

  private async look(): Promise<void> {
    await this.tell('What happened', async () => {
      await this.show('rollout', 'history', `deployment/${NAME}`);
      this.command(`kubectl get events`);
      const events = await this.mdep.kubectl('get', 'events', '-o', 'json');
      const { items } = JSON.parse(events) as {
        items: { involvedObject: { kind: string }; reason: string; message: string }[];
      };
      const own = items.filter(({ involvedObject }) => involvedObject.kind === 'ModelDeployment');
      this.output(own.map(({ reason, message }) => `${reason.padEnd(20)} ${message}`).join('\n'));
    });
  }

  private spec(tag: string) {
    return { model: { uri: this.stage.models.uri(REPOSITORY, tag), version: tag }, replicas: 2 };
  }

  private manifest(tag: string): string {
    const { model } = this.spec(tag);
    return `apiVersion: modelserving.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: ${NAME}}\nspec:\n  model: {uri: "${model.uri}", version: "${tag}"}\n  replicas: 2`;
  }

  private async tell(title: string, run: () => Promise<void>): Promise<void> {
    console.log(`\n${pc.bold(pc.cyan(`${++this.chapter}. ${title}`))}`);
    const started = Date.now();
    await run();
    console.log(pc.dim(`   ${((Date.now() - started) / 1000).toFixed(1)} s`));
  }

  private async show(...args: string[]): Promise<void> {
    this.command(`kubectl ${args.join(' ')}`);
    this.output((await this.mdep.kubectl(...args)).trimEnd());
  }

  private command(text: string): void {
    console.log(`   ${pc.green('$')} ${text}`);
  }

  private output(text: string): void {
    console.log(
      text
        .split('\n')
        .map((line) => `   ${line}`)
        .join('\n'),
    );
  }
}

const verdict = (failed: number): string => (failed === 0 ? pc.green('0 failed') : pc.red(`${failed} failed`));

const listOf = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([version, count]) => `${version} (${count})`)
    .join(' and ');

/** 8 × 8 pixels from 0 to 16, two characters each. */
function drawing(pixels: readonly number[]): string {
  const shade = (value: number): string => '  ░░▒▒▓▓██'.slice(Math.round(value / 4) * 2).slice(0, 2);
  return Array.from({ length: 8 }, (_, row) =>
    pixels
      .slice(row * 8, row * 8 + 8)
      .map(shade)
      .join(''),
  ).join('\n');
}
