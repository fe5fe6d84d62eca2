import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { KubectlError } from '../errors.ts';

/** Which cluster, as whom, and where: flags of kubectl, handed on to it as they are. */
export interface Access {
  kubeconfig?: string;
  context?: string;
  cluster?: string;
  user?: string;
  server?: string;
  as?: string;
  asGroup?: string[];
  namespace?: string;
}

/** The flags without the namespace, which not every command of kubectl takes. */
export function accessFlags({ asGroup = [], namespace: _, ...access }: Access): string[] {
  const flags = { '--kubeconfig': access.kubeconfig, '--context': access.context, '--cluster': access.cluster };
  const who = { '--user': access.user, '--server': access.server, '--as': access.as };
  return [
    ...Object.entries({ ...flags, ...who }).flatMap(([flag, value]) =>
      value === undefined ? [] : [`${flag}=${value}`],
    ),
    ...asGroup.map((group) => `--as-group=${group}`),
  ];
}

export const namespaceFlags = ({ namespace }: Access): string[] =>
  namespace === undefined ? [] : [`--namespace=${namespace}`];

/** The kubectl of this person: that of $KUBECTL, or the one on PATH. */
export function spawnKubectl(args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(process.env['KUBECTL'] ?? 'kubectl', args, { env: process.env, ...options });
}

export function explainSpawn(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  return new KubectlError('kubectl is not on PATH; kubectl mdep reaches the cluster through it', undefined);
}

/** Runs kubectl and answers its stdout; rejects with a KubectlError that holds what it said. */
export function runKubectl(
  args: readonly string[],
  options: { input?: string; signal?: AbortSignal } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, signal } = options;
    const stdin = input === undefined ? 'inherit' : 'pipe';
    const child = spawnKubectl(args, { stdio: [stdin, 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => reject(explainSpawn(error)));
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new KubectlError(stderr.trim() || `kubectl ended with exit code ${code}`, code ?? undefined));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Lets kubectl speak for itself, on this terminal; answers its exit code. */
export function handOver(args: readonly string[], signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawnKubectl(args, { stdio: 'inherit' });
    const stop = (): void => void child.kill();
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error) => reject(explainSpawn(error)));
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? 1);
    });
  });
}
