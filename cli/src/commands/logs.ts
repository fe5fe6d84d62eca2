import type { Command } from 'commander';
import { LABEL } from '@modeldeployment/operator';
import { accessFlags, handOver, namespaceFlags } from '../kube/kubectl.ts';
import { accessOf, readName, readRevisionNumber } from './access.ts';

interface Options {
  follow?: true;
  previous?: true;
  revision?: number;
  container?: string;
  tail: string;
  since?: string;
}

/** Pods whose logs kubectl follows at once. */
const MOST_PODS = 50;

export function addLogs(program: Command, signal: AbortSignal): void {
  program
    .command('logs')
    .description('print the logs of all pods, or of those of one revision, each line with its pod')
    .argument('<name>', 'the ModelDeployment', readName)
    .option('-f, --follow', 'go on as they grow')
    .option('-p, --previous', 'of the containers before their last restart')
    .option('--revision <number>', 'of this revision only', readRevisionNumber)
    .option('-c, --container <name>', 'fetch or server (default: both)')
    .option('--tail <lines>', 'how many lines of each container, -1 for all', '20')
    .option('--since <span>', 'only what is newer than 5s, 2m or 3h')
    .addHelpText(
      'after',
      '\nExamples:\n  kubectl mdep logs digits -f\n  kubectl mdep logs digits --revision 2 --previous -c server',
    )
    .action(async (name: string, options: Options, command: Command) => {
      const access = accessOf(command);
      const flags = [...accessFlags(access), ...namespaceFlags(access)];
      const code = await handOver(['logs', ...logFlags(name, options), ...flags], signal);
      if (!signal.aborted) process.exitCode = code;
    });
}

/** Flags of kubectl logs. */
export function logFlags(name: string, { follow, previous, revision, container, tail, since }: Options): string[] {
  const selector = [`${LABEL.model}=${name}`, ...(revision === undefined ? [] : [`${LABEL.revision}=${revision}`])];
  return [
    `--selector=${selector.join(',')}`,
    ...(container === undefined ? ['--all-containers'] : [`--container=${container}`]),
    '--prefix',
    // A container that has not begun yet must not hide what the others say.
    '--ignore-errors',
    `--max-log-requests=${MOST_PODS}`,
    `--tail=${tail}`,
    ...(follow === true ? ['--follow'] : []),
    ...(previous === true ? ['--previous'] : []),
    ...(since === undefined ? [] : [`--since=${since}`]),
  ];
}
