import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { exec } from '../../tools/exec.ts';

/** Runs a command inside a network namespace. `ip netns exec` would not do: it hides /sys/fs/cgroup. */
export function inNamespace(file: string, command: readonly string[]): Promise<string> {
  return exec('nsenter', [`--net=${file}`, ...command]);
}

/** Starts a process that outlives this one, with its output in a log file. Answers its pid. */
export function daemon(
  command: readonly string[],
  log: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): number {
  const [program = '', ...args] = command;
  const out = openSync(log, 'a');
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', out, out],
    cwd: options.cwd,
    env: options.env ?? process.env,
  });
  child.on('error', () => undefined);
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  return child.pid;
}
