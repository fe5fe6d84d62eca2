/**
 * npm run smuggling -- [--answers N]
 *
 * Every trick of request smuggling over every path on which requests of several clients share a connection: between the workers
 * of one server, and from a stable revision to one on trial (forwarded, copied, replayed; REST and gRPC). Behind each, other
 * clients ask over connections of their own; at least N (default 1e5) of their answers are read. Prints who was answered how
 * often, by trick and path, and fails when one got anything but the answer to its own question.
 */
import { parseArgs } from 'node:util';
import { hops, Trials } from '../../serving-image/testing/smuggling/paths.ts';
import { answersPerRound, play, type Row, type SharedPath } from '../../serving-image/testing/smuggling/play.ts';
import { Bench } from '../../serving-image/testing/server.ts';

const { values } = parseArgs({ options: { answers: { type: 'string', default: '1e5' } } });
const ANSWERS = Number(values.answers);
/** Of each client, behind each trick. */
const REQUESTS = 20;

const count = (rows: readonly Row[]) =>
  rows.reduce(
    (sum, { verdicts: { own, mixed, lost } }) => ({
      answers: sum.answers + own + mixed,
      mixed: sum.mixed + mixed,
      lost: sum.lost + lost,
    }),
    { answers: 0, mixed: 0, lost: 0 },
  );

const cell = (rows: readonly Row[]): string => {
  if (rows.length === 0) return '';
  const { answers, mixed, lost } = count(rows);
  const attacker = rows.flatMap((row) => [...row.attacker.keys()]).join(' ');
  return `${attacker}: ${answers}, ${mixed}${lost > 0 ? `, ${lost} lost` : ''}`;
};

function print(paths: readonly SharedPath[], rows: readonly Row[]): void {
  const line = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`);
  console.log(
    '\nIn each cell: what the attacker was told: answers of the others, and how many of them were mixed up\n',
  );
  line(['trick', ...paths.map(({ name }) => name)]);
  line(['---', ...paths.map(() => '---')]);
  for (const trick of new Set(rows.map((row) => row.trick))) {
    const own = rows.filter((row) => row.trick === trick);
    line([trick.replaceAll('|', '\\|'), ...paths.map(({ name }) => cell(own.filter(({ path }) => path === name)))]);
  }
}

const bench = await Bench.create();
const trials = await Trials.open(bench);
const rows: Row[] = [];
const paths: SharedPath[] = [];
let compared = 0;
let differing = 0;

async function run(path: SharedPath, rounds: number): Promise<void> {
  paths.push(path);
  const began = performance.now();
  const played = await play(path, { rounds, requests: REQUESTS });
  rows.push(...played);
  const { answers, mixed, lost } = count(played);
  const copies = await path.settle?.();
  compared += copies?.answers ?? 0;
  differing += copies?.mixed ?? 0;
  const seconds = Math.round((performance.now() - began) / 1000);
  const behind = copies ? `; of ${copies.answers} copies compared ${copies.mixed} differ` : '';
  console.log(
    `${path.name}: ${played.length} tricks, ${answers} answers, ${mixed} mixed, ${lost} lost, ${seconds} s${behind}`,
  );
}

try {
  const between = await hops(bench);
  // A trial ends when the next one begins, so its path is made when its turn comes.
  const makers: (() => Promise<SharedPath>)[] = [
    ...between.map((path) => () => Promise.resolve(path)),
    () => trials.path('forward'),
    () => trials.path('forward', 'grpc'),
    () => trials.path('mirror'),
    () => trials.path('replay'),
  ];
  const perRound = answersPerRound(between, REQUESTS) + 3 * answersPerRound([await trials.path('forward')], REQUESTS);
  const rounds = Math.max(1, Math.ceil(ANSWERS / perRound));
  for (const make of makers) await run(await make(), rounds);
} finally {
  await bench.dispose();
  await trials.close();
}
print(paths, rows);
const { answers, mixed, lost } = count(rows);
console.log(
  `\n${answers} answers behind ${new Set(rows.map(({ trick }) => trick)).size} tricks over ${paths.length} paths: ${mixed} mixed, ${lost} lost; of ${compared} copies compared ${differing} differ`,
);
process.exitCode = mixed + lost + differing === 0 && answers >= ANSWERS ? 0 : 1;
