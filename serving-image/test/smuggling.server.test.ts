/** No client gets to see, or to change, what another one is answered: see `npm run smuggling` for a hundred thousand answers. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { hops, Trials } from '../testing/smuggling/paths.ts';
import { play, type SharedPath } from '../testing/smuggling/play.ts';
import { Bench } from '../testing/server.ts';

jest.setTimeout(240_000);

let bench: Bench;
let trials: Trials;
beforeAll(async () => {
  bench = await Bench.create();
  trials = await Trials.open(bench);
});
afterAll(async () => {
  await bench.dispose();
  await trials.close();
});

/** Every answer is that of who asked, whatever another client did before. */
async function nothingIsMixed(path: SharedPath): Promise<void> {
  const rows = await play(path, { rounds: 1, requests: 4 });
  const bad = rows.filter(({ verdicts }) => verdicts.mixed + verdicts.lost > 0);
  expect(bad.map(({ trick, verdicts }) => ({ trick, ...verdicts }))).toEqual([]);
  expect(rows.reduce((sum, { verdicts }) => sum + verdicts.own, 0)).toBeGreaterThan(rows.length);
  if (path.settle) expect((await path.settle()).mixed).toBe(0);
}

describe('every client gets its own answers', () => {
  it('over the connections between workers', async () => {
    for (const path of await hops(bench)) await nothingIsMixed(path);
  });

  it('over the connections to a revision on trial', async () => {
    await nothingIsMixed(await trials.path('forward'));
    await nothingIsMixed(await trials.path('forward', 'grpc'));
  });

  it('where copies go to a revision on trial', async () => nothingIsMixed(await trials.path('mirror')));

  it('where requests are replayed', async () => nothingIsMixed(await trials.path('replay')));
});
