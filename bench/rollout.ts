import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { down } from '../e2e/cluster/index.ts';
import { Client } from '../e2e/harness/client.ts';
import { Mdep } from '../e2e/harness/mdep.ts';
import { Progress } from '../tools/progress.ts';
import { setStage, type Stage } from '../e2e/harness/stage.ts';
import { waitFor } from '../tools/wait.ts';
import { Audit, type Writes } from '../e2e/harness/audit.ts';

/**
 * npm run bench -- rollout [--switches N] [--idle SECONDS] [--attach]
 *
 * Prints figures, judges none: times depend on the machine. How long from a change of the spec until only the new version
 * answers, and how much the operator writes meanwhile, by the API server's own audit log.
 */
const { values: options } = parseArgs({
  options: {
    name: { type: 'string', default: 'bench' },
    nodes: { type: 'string', default: '3' },
    switches: { type: 'string', default: '20' },
    idle: { type: 'string', default: '300' },
    attach: { type: 'boolean', default: false },
  },
});

const NAMESPACE = 'default';
const NAME = 'digits';

async function measure({ cluster, models, images }: Stage): Promise<void> {
  if (cluster.auditLog === undefined)
    throw new Error('the benchmark counts writes in the audit log, which only a cluster of our own has');
  const audit = new Audit(cluster.auditLog);
  const mdep = new Mdep(cluster, NAMESPACE);
  await models.push('digits/v1/saved_model', 'bench', '1');
  await models.push('digits/v2/saved_model', 'bench', '2');
  const client = await Client.start(cluster, NAMESPACE, images.serving, {
    'v1.json': models.golden('v1').body,
    'expected.json': JSON.stringify({ 1: models.golden('v1').answer, 2: models.golden('v2').answer }),
  });
  const spec = (tag: string) => ({ model: { uri: models.uri('bench', tag), version: tag }, replicas: 1 });
  const settled = async (revision: number): Promise<void> => {
    await mdep.untilReady(NAME, revision);
    // Counters may follow some seconds later; they are writes too.
    await sleep(8_000);
  };

  await audit.take();
  await mdep.apply(NAME, spec('1'));
  await settled(1);
  print('writes from create to Ready', await audit.take(NAMESPACE));
  await mdep.apply(NAME, spec('2'));
  await settled(2);
  print('writes of a change to a new version', await audit.take(NAMESPACE));
  await mdep.apply(NAME, spec('1'));
  await settled(1);
  print('writes of a change to a version of the history', await audit.take(NAMESPACE));

  const seconds = Number(options.idle);
  await sleep(seconds * 1000);
  print(`writes in ${seconds} idle seconds`, await audit.take(NAMESPACE));
  console.log(`operator, idle: ${await residentOf(cluster)}`);

  const times: number[] = [];
  const loop = client.loop(`http://${NAME}/v2/models/${NAME}/infer`, '50/s', 'v1.json', 'expected.json');
  try {
    for (let i = 0; i < Number(options.switches); i++) {
      const version = i % 2 === 0 ? '2' : '1';
      const started = Date.now();
      await mdep.apply(NAME, spec(version));
      const { since } = await waitFor(
        `answers of version ${version} alone`,
        () => Promise.resolve(loop.latest.now.version === version ? loop.latest.now : undefined),
        { seconds: 120 },
      );
      times.push((since - started) / 1000);
      await mdep.untilReady(NAME, Number(version));
    }
  } finally {
    const { total, failed } = await loop.stop();
    console.log(`\nrequests meanwhile: ${total}, failed: ${failed}`);
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? NaN;
  console.log(
    `spec change → answers of the new version alone, ${times.length} switches: median ${median.toFixed(1)} s, maximum ${Math.max(...times).toFixed(1)} s`,
  );
  console.log(`operator after the switches: ${await residentOf(cluster)}`);
}

/** Memory of the operator's process, the first of its container. */
async function residentOf(cluster: Stage['cluster']): Promise<string> {
  const read = 'process.stdout.write(require("fs").readFileSync("/proc/1/status","utf8"))';
  const where = ['-n', 'modeldeployment-system', 'deployment/modeldeployment-operator'];
  const status = await cluster.kubectl(['exec', ...where, '--', 'node', '-e', read]);
  const mebibytes = (field: string) => (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024).toFixed(1);
  return `${mebibytes('VmRSS')} MiB resident, of which ${mebibytes('RssFile')} are mapped files`;
}

function print(what: string, { counted, total, resolverPods, events, leases }: Writes): void {
  const parts = Object.entries(counted)
    .map(([key, count]) => `${key} ${count}`)
    .join(', ');
  console.log(
    `${what}: ${total}${parts === '' ? '' : ` (${parts})`}; apart from ${resolverPods} of resolver pods, ${events} events, ${leases} of the lease`,
  );
}

const progress = new Progress();
try {
  const stage = await setStage({ name: options.name, nodes: Number(options.nodes), attach: options.attach }, progress);
  await measure(stage);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  if (!options.attach) await down(options.name, {});
}
