import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { exec } from '../../tools/exec.ts';
import { Progress } from '../../tools/progress.ts';
import { ensureBinaries } from './build.ts';
import { attach, down, up } from './index.ts';

const USAGE = `npm run cluster -- COMMAND [--name NAME]

  up [--nodes N]        bring up a Kubernetes cluster of 1 to 5 nodes (default 3)
  down [--purge]        end it; --purge forgets its images, keys and registry too
  status                what runs, and where it is reached
  kubeconfig            path of its kubeconfig
  load-image FILE|REF   load an image archive, or an image of a registry, into every node
  shell                 a shell in which kubectl, helm and crane use the cluster
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'mdep' },
    nodes: { type: 'string', default: '3' },
    purge: { type: 'boolean', default: false },
  },
});

const COMMANDS: Record<string, () => Promise<void>> = {
  up: async () => {
    const progress = new Progress();
    const stop = (): void => void down(options.name, {}).finally(() => process.exit(130));
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const { folder } = await progress.step('Kubernetes from source', (note) => ensureBinaries(note));
    const cluster = await progress.step(`cluster ${options.name}`, (log) =>
      up({ name: options.name, nodes: Number(options.nodes), log }),
    );
    console.log(
      `\n  export KUBECONFIG=${cluster.kubeconfig}\n  export PATH=${folder}:$PATH\n\nregistry: push to ${cluster.registry.push}, pull from ${cluster.registry.pull}`,
    );
  },
  down: async () => {
    await new Progress().step(`down ${options.name}`, () => down(options.name, { purge: options.purge }));
  },
  status: async () => {
    const cluster = await attach(options.name);
    console.log(await cluster.kubectl(['get', 'nodes', '-o', 'wide']));
    console.log(await cluster.kubectl(['get', 'pods', '-A', '-o', 'wide']));
    console.log(
      `kubeconfig  ${cluster.kubeconfig}\nregistry    push to ${cluster.registry.push}, pull from ${cluster.registry.pull}\naudit log   ${cluster.auditLog}`,
    );
  },
  kubeconfig: async () => console.log((await attach(options.name)).kubeconfig),
  'load-image': async () => {
    const cluster = await attach(options.name);
    const image = positionals[1];
    if (image === undefined) throw new Error('name an archive or an image');
    if (existsSync(image)) return cluster.nodes?.loadImage(image);
    const folder = await mkdtemp(join(tmpdir(), 'mdep-image-'));
    try {
      await exec((await ensureBinaries(() => undefined)).crane, [
        'pull',
        '--insecure',
        image,
        join(folder, 'image.tar'),
      ]);
      await cluster.nodes?.loadImage(join(folder, 'image.tar'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  shell: async () => {
    const cluster = await attach(options.name);
    const { folder } = await ensureBinaries(() => undefined);
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: `${folder}:${process.env['PATH']}` };
    const child = spawn(process.env['SHELL'] ?? 'bash', { stdio: 'inherit', env });
    await new Promise((resolve) => child.on('close', resolve));
  },
};

const command = COMMANDS[positionals[0] ?? ''];
if (command === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await command().catch((error: unknown) => {
    console.error(pc.red((error as Error).message));
    process.exitCode = 1;
  });
}
