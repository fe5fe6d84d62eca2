import type { Command } from 'commander';
import { PLURAL } from '@modeldeployment/operator';
import type { Access } from '../kube/kubectl.ts';
import { UsageError } from '../errors.ts';

/** The flags of kubectl that every command about a cluster takes. */
export function addAccessFlags(program: Command): void {
  program
    .option('-n, --namespace <name>', 'namespace (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig to use')
    .option('--cluster <name>', 'cluster of the kubeconfig')
    .option('--user <name>', 'user of the kubeconfig')
    .option('-s, --server <url>', 'address of the API server')
    .option('--as <user>', 'act as this user, if you may')
    .option('--as-group <group>', 'act as a member of this group; can be repeated', collect);
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export const accessOf = (command: Command): Access => command.optsWithGlobals<Access>();

/** digits, from digits, mdep/digits or modeldeployments.modelserving.dev/digits. */
export function readName(text: string): string {
  const [kind, name, ...rest] = text.includes('/') ? text.split('/') : ['mdep', text];
  const known = ['mdep', 'modeldeployment', PLURAL];
  if (name === undefined || rest.length > 0 || !known.includes(kind?.split('.')[0]?.toLowerCase() ?? '')) {
    throw new UsageError(`${text} is no ModelDeployment; write its name, as in digits or mdep/digits`);
  }
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))
    throw new UsageError(`${JSON.stringify(name)} is no name of an object`);
  return name;
}

/** Seconds, from 90, 90s, 5m or 1h. */
export function readSpan(text: string): number {
  const [, count, unit = 's'] = /^(\d+)(s|m|h)?$/.exec(text) ?? [];
  if (count === undefined) throw new UsageError(`${text} is no span of time; write it as 90s, 5m or 1h`);
  return Number(count) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
}

/** A number of the history. */
export function readRevisionNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new UsageError(`${text} is no number of a revision; kubectl mdep history lists them`);
  return Number(text);
}
