import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Document, visit } from 'yaml';
import { Client, type Loop, type LoopReport } from '../harness/client.ts';
import { exec } from '../../tools/exec.ts';
import { Mdep } from '../harness/mdep.ts';
import { Plugin } from '../harness/plugin.ts';
import type { Stage } from '../harness/stage.ts';
import type { Timeline } from './plot.ts';
import { timelineOf } from './timeline.ts';

/** Where the commands are run, so that they need no flag: the namespace kubectl uses by itself. */
const NAMESPACE = 'default';
export const NAME = 'digits';
const REPOSITORY = 'models/digits';
/** Stands for the registry of the cluster, whose address means nothing to a reader. */
const REGISTRY = 'registry.example';
/** Columns of the terminal. */
const COLUMNS = 96;
const LOOK_EVERY_MS = 250;

const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`;
const bold = (text: string): string => `\u001b[1m${text}\u001b[0m`;
const prompt = `\u001b[32m$\u001b[0m `;

/**
 * Runs commands as a person would type them, on a real cluster under load, and keeps what they printed and what the client
 * and the status saw meanwhile. What stands after a $ is what was run, letter by letter, and below it what it printed.
 */
export class Recorder {
  readonly mdep: Mdep;
  private readonly folder = mkdtempSync(join(tmpdir(), 'record-'));
  private readonly plugin: Plugin;
  private screen: string[] = [];
  private marks: { time: number; text: string }[] = [];
  private weights: { time: number; weight: number | undefined }[] = [];
  private loop: Loop | undefined;
  private watching: NodeJS.Timeout | undefined;

  private constructor(
    private readonly stage: Stage,
    private readonly client: Client,
  ) {
    this.mdep = new Mdep(stage.cluster, NAMESPACE);
    this.plugin = new Plugin(stage.cluster, NAMESPACE);
  }

  /** With two versions of the model in the registry. */
  static async start(stage: Stage): Promise<Recorder> {
    const { models, cluster, images } = stage;
    for (const version of ['1', '2']) await models.push(`digits/v${version}/saved_model`, REPOSITORY, version);
    await cluster.kubectl(['delete', 'pod', 'client', '-n', NAMESPACE, '--ignore-not-found']);
    const [one, two] = [models.golden('v1'), models.golden('v2')];
    const client = await Client.start(cluster, NAMESPACE, images.serving, {
      'v1.json': one.body,
      'expected.json': JSON.stringify({ 1: one.answer, 2: two.answer }),
    });
    return new Recorder(stage, client);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A fresh ModelDeployment of version 1 that serves, and a client that asks it so often a second. */
  async begin(spec: object, rate: number): Promise<void> {
    await this.mdep.kubectl('delete', 'mdep', NAME, '--ignore-not-found', '--cascade=foreground');
    this.write('1', spec);
    await this.mdep.kubectl('apply', '-f', join(this.folder, `${NAME}.yaml`));
    await this.mdep.untilReady(NAME, 1);
    [this.screen, this.marks, this.weights] = [[], [], []];
    this.loop = this.client.loop(`http://${NAME}/v2/models/${NAME}/infer`, `${rate}/s`, 'v1.json', 'expected.json');
    this.watching = setInterval(() => void this.look(), LOOK_EVERY_MS);
    await this.rest(6);
  }

  /** Ends the client and answers what it has counted. */
  async end(title: string): Promise<{ session: string; timeline: Timeline; last: LoopReport }> {
    await this.rest(6);
    clearInterval(this.watching);
    const { loop } = this;
    if (loop === undefined) throw new Error('nothing was begun');
    const last = await loop.stop();
    const { total, failed } = last;
    const timeline = { title, total, failed, ...timelineOf(loop.reports, this.weights, this.marks) };
    const { registry } = this.stage.cluster;
    return { session: this.screen.join('\n').replaceAll(registry.pull, REGISTRY), timeline, last };
  }

  abandon(): Promise<void> {
    clearInterval(this.watching);
    return this.loop?.abandon() ?? Promise.resolve();
  }

  /** A remark in the session. */
  say(text: string): void {
    this.screen.push(dim(`# ${text}`));
  }

  /** A line in the plot, from now on. */
  mark(text: string): void {
    this.marks.push({ time: Date.now(), text });
  }

  /** The manifest as a person edits it, shown. */
  async edit(version: string, spec: object): Promise<void> {
    this.write(version, spec);
    await this.run(`cat ${NAME}.yaml`);
  }

  /** Runs a command line in a shell, with kubectl and its plugin at hand. */
  async run(command: string): Promise<void> {
    const { kubeconfig } = this.stage.cluster;
    const env = { ...this.plugin.env, KUBECONFIG: kubeconfig, FORCE_COLOR: '1', COLUMNS: String(COLUMNS) };
    const printed = await exec('bash', ['-c', command], { cwd: this.folder, env });
    this.screen.push(`${prompt}${bold(command)}`, printed.trimEnd(), '');
    console.log(`      $ ${command}`);
  }

  rest(seconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }

  private write(version: string, spec: object): void {
    const manifest = {
      apiVersion: 'modelserving.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: NAME },
      spec: { model: { uri: this.stage.models.uri(REPOSITORY, version), version }, ...spec },
    };
    writeFileSync(join(this.folder, `${NAME}.yaml`), yamlOf(manifest));
  }

  private async look(): Promise<void> {
    const time = Date.now();
    const { status } = await this.mdep.get(NAME);
    const weight = status?.trial?.weight;
    const before = this.weights.at(-1);
    // Two looks may overtake each other.
    if (before !== undefined && (before.weight === weight || before.time > time)) return;
    this.weights.push({ time, weight });
  }
}

/** As a person would write it: what fits a line stands on one. */
function yamlOf(manifest: object): string {
  const document = new Document(manifest);
  visit(document, {
    Collection: (key, node) => {
      node.flow = key !== null && JSON.stringify(node).length < COLUMNS - 20;
    },
  });
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}
