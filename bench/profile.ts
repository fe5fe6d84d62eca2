/**
 * npm run bench -- profile [--form v1|v2|binary] [--rows N] [--connections N] [--engine tensorflow|wasm] [--seconds N] [--keep FILE] [--flame SVG]
 *
 * Where the CPU time of a worker goes under one load: functions by the time spent in themselves. --keep puts the profile where
 * a browser's developer tools can open it, --flame draws it.
 */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureNative } from '../serving-image/src/build/native.ts';
import { Bench } from '../serving-image/testing/server.ts';
import { LoadGenerator } from './load/index.ts';
import { ours } from './server/contestants.ts';
import { flame, framesOf, nameOf, timesOf, type Profile } from './server/flame.ts';
import { message, type FormName } from './server/forms.ts';
import { pictures, writeMlp } from './server/mlp.ts';

const { values } = parseArgs({
  options: {
    form: { type: 'string', default: 'v1' },
    rows: { type: 'string', default: '1' },
    connections: { type: 'string', default: '16' },
    engine: { type: 'string', default: 'tensorflow' },
    seconds: { type: 'string', default: '5' },
    keep: { type: 'string' },
    flame: { type: 'string' },
  },
});

/** Parts of the busy time, by function. */
function table(profile: Profile, most: number): string {
  const times = timesOf(profile);
  const byName = new Map<string, number>();
  for (const { id, callFrame } of profile.nodes) {
    const name = nameOf(callFrame);
    byName.set(name, (byName.get(name) ?? 0) + (times.get(id) ?? 0));
  }
  byName.delete('(idle)');
  const total = [...byName.values()].reduce((a, b) => a + b, 0);
  const rows = [...byName].sort((a, b) => b[1] - a[1]).slice(0, most);
  return rows.map(([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`).join('\n');
}

await ensureNative(() => undefined);
const bench = await Bench.create();
const folder = await mkdtemp(join(tmpdir(), 'profile-'));
const generator = await LoadGenerator.create();
try {
  const stage = { folder, program: join(bench.dist, 'main.mjs'), models: await writeMlp(folder) };
  const profiles = join(folder, 'profiles');
  // Workers are started with the options of the supervisor.
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const engine = values.engine === 'wasm' ? 'wasm' : 'tensorflow';
  const { port, process } = await ours(engine, { DRAIN_SECONDS: '0' }, nodeOptions).start(stage, {
    cores: '0',
    workers: 1,
    tuned: true,
  });
  const requestFile = await generator.request(message(values.form as FormName, pictures(Number(values.rows), 'four')));
  const load = { port, requestFile, connections: Number(values.connections), seconds: Number(values.seconds) };
  const { rate } = await generator.run(load, '1');
  await process.stop();
  console.log(`${rate.toFixed(0)} requests in a second`);
  const read = async (file: string) => JSON.parse(await readFile(join(profiles, file), 'utf8')) as Profile;
  const found = await Promise.all((await readdir(profiles)).map(async (file) => ({ file, profile: await read(file) })));
  // The supervisor is idle: the worker is the one with more going on.
  const busy = found.reduce((a, b) => (b.profile.nodes.length > a.profile.nodes.length ? b : a));
  console.log(table(busy.profile, 40));
  const { form, rows, connections } = values;
  const title = `${form}, ${rows} rows, ${connections} connections, ${engine}: ${rate.toFixed(0)} requests in a second`;
  if (values.flame !== undefined) await writeFile(values.flame, flame(title, framesOf(busy.profile)));
  if (values.keep !== undefined) await copyFile(join(profiles, busy.file), values.keep);
} finally {
  await generator.dispose();
  await bench.dispose();
  await rm(folder, { recursive: true, force: true });
}
