/** `npm run bench -- abuse` does the same in large, and measures. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Attacker } from '../testing/attacker.ts';
import { ATTACKS } from '../testing/attacks.ts';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, until, type Running } from '../testing/server.ts';

/** Twice as many as there are places. */
const MOST_CONNECTIONS = 400;
const BYTES_PER_SECOND = 10_000_000;
/** An attack ends by itself, however long the machine takes for the rest: what a flood without end costs is the bench's to say. */
const MOST_BYTES = 10_000_000;
const TIMES_OPENED = 2;
const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] });

let bench: Bench;
let server: Running;
let workers: number[];
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  server = await bench.start({
    MODEL_NAME: 'dense',
    MODEL_ENGINE: 'wasm',
    MAX_REQUESTS: '200',
    MAX_CONNECTIONS: '300',
  });
  await server.logged('worker ready');
  workers = await server.workers();
}, 60_000);
afterAll(() => bench.dispose());

const inflight = () => server.metric(/^modeldeployment_requests_inflight/);

describe('good requests are all answered', () => {
  it.each(ATTACKS.map((attack) => [attack.name, attack] as const))(
    'while others do this: %s',
    async (_, attack) => {
      const port = Number((attack.port === 'http' ? new URL(server.url).host : server.grpc).split(':')[1]);
      const connections = Math.min(attack.connections, MOST_CONNECTIONS);
      const attacker = new Attacker(attack, port, {
        connections,
        bytesPerSecond: BYTES_PER_SECOND,
        mostBytes: MOST_BYTES,
        mostOpened: TIMES_OPENED * connections,
      });
      try {
        await until(() => Promise.resolve(attacker.opened >= connections), true);
        const statuses: number[] = [];
        for (let i = 0; i < 20; i++) {
          const headers = i % 2 === 0 ? { Connection: 'close' } : {};
          statuses.push((await server.post('/v2/models/dense/infer', BODY, headers)).status);
        }
        expect(statuses).toEqual(statuses.map(() => 200));
      } finally {
        attacker.stop();
      }
      // Nothing of it is left.
      await until(inflight, 0);
      expect(await server.workers()).toEqual(workers);
    },
    60_000,
  );
});
