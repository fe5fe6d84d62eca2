import { dirname } from 'node:path';
import { CLI } from '../../cli/build.ts';
import type { Cluster } from '../cluster/index.ts';
import { exec, type ExecOptions } from '../../tools/exec.ts';

/** `kubectl mdep`, found by kubectl on PATH as by everybody's. */
export class Plugin {
  constructor(
    private readonly cluster: Cluster,
    private readonly namespace: string,
    /** More folders of PATH. */
    private readonly folders: readonly string[] = [],
  ) {}

  /** Environment in which kubectl finds the plugin, and the plugin this very kubectl. */
  get env(): NodeJS.ProcessEnv {
    const { kubectl } = this.cluster.bin;
    const path = [...this.folders, dirname(CLI), dirname(kubectl), process.env['PATH']].join(':');
    return { ...process.env, PATH: path, KUBECTL: kubectl };
  }

  args(...args: readonly string[]): string[] {
    return ['mdep', ...args, ...this.cluster.kubectlFlags, `--namespace=${this.namespace}`];
  }

  run(args: readonly string[], options: Pick<ExecOptions, 'input'> & { columns?: number } = {}): Promise<string> {
    const { columns, ...rest } = options;
    const env = { ...this.env, ...(columns === undefined ? {} : { COLUMNS: String(columns) }) };
    return exec(this.cluster.bin.kubectl, this.args(...args), { ...rest, env });
  }
}
