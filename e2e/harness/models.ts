import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../cluster/index.ts';
import { exec } from '../../tools/exec.ts';

const MODELS = new URL('../../models/', import.meta.url).pathname;

/** One request with the answer that Keras gave: see models/README.md. */
export interface Golden {
  body: string;
  /** First output, row-major. */
  answer: number[];
}

/** Demo models: pushes them to the cluster's registry under names of their own, and knows what they must answer. */
export class Models {
  private readonly pushed = new Map<string, string>();

  constructor(
    private readonly cluster: Cluster,
    private readonly cli: string,
  ) {}

  /** Folder of a committed model, such as `digits/v1/saved_model`. */
  folder(model: string): string {
    return join(MODELS, model);
  }

  /**
   * Pushes a folder of models/ (or an absolute one) as `repository:tag`; answers its digest. With `check: false` also what the
   * plugin refuses, as other programs push it.
   */
  async push(model: string, repository: string, tag: string, { check = true } = {}): Promise<string> {
    const { push, plainHttp } = this.cluster.registry;
    const uri = `oci://${push}/${repository}:${tag}`;
    const args = [
      'push',
      model.startsWith('/') ? model : this.folder(model),
      uri,
      ...(plainHttp ? ['--plain-http'] : []),
      ...(check ? [] : ['--no-check']),
    ];
    const out = await exec(process.execPath, [this.cli, ...args]);
    const digest = /sha256:[0-9a-f]{64}/.exec(out)?.[0];
    if (digest === undefined) throw new Error(`kubectl mdep push printed no digest:\n${out}`);
    this.pushed.set(`${repository}:${tag}`, digest);
    return digest;
  }

  /** Address under which the pods of the cluster find what was pushed. */
  uri(repository: string, tag: string): string {
    return `oci://${this.cluster.registry.pull}/${repository}:${tag}`;
  }

  /** A copy of a model folder that `change` may alter, removed by `dispose`. */
  copy(model: string, change: (folder: string) => void): { folder: string; dispose: () => void } {
    const root = mkdtempSync(join(tmpdir(), 'model-'));
    const folder = join(root, 'model');
    cpSync(this.folder(model), folder, { recursive: true });
    change(folder);
    return { folder, dispose: () => rmSync(root, { recursive: true, force: true }) };
  }

  /** The golden request in TensorFlow Serving's form. */
  predictBody(version: 'v1' | 'v2'): string {
    const { inputs } = JSON.parse(this.golden(version).body) as { inputs: { name: string; data: number[] }[] };
    return JSON.stringify({ inputs: Object.fromEntries(inputs.map(({ name, data }) => [name, [data]])) });
  }

  /** Request and expected answer of digits v1 or v2. */
  golden(version: 'v1' | 'v2'): Golden {
    const file = join(MODELS, 'digits', version, 'golden.json');
    const golden = JSON.parse(readFileSync(file, 'utf8')) as {
      requests: { inputs: object[]; outputs: { data: number[] }[] }[];
    };
    const first = golden.requests[0];
    if (first?.outputs[0] === undefined) throw new Error(`${file} holds no request`);
    return { body: JSON.stringify({ inputs: first.inputs }), answer: first.outputs[0].data };
  }
}
