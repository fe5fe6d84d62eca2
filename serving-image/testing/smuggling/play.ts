/** Plays tricks over a path that clients share, with other clients' requests behind each, and counts whose answers came. Test code only. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Rpc, V2 } from '../grpc.ts';
import type { Running } from '../server.ts';
import { METADATA_TRICKS } from './grpc-tricks.ts';
import type { Target } from './requests.ts';
import { TRICKS } from './tricks.ts';
import { CANARY, GrpcVictim, HttpVictim, inferenceMessage, type Verdict, type Victim } from './victim.ts';

/** A way on which requests of several clients travel over one connection. */
export interface SharedPath {
  name: string;
  server: Running;
  /** The models that victims ask in turn; requests for the last one, at least, go that way. */
  models: readonly string[];
  transport: 'http' | 'grpc';
  /** Of the attacker's requests. */
  target: Target;
  /** What shows only at the other end of the path. Resolves with the number of answers that were mixed up there, of how many. */
  settle?: () => Promise<{ answers: number; mixed: number }>;
}

export interface Row {
  path: string;
  trick: string;
  /** First lines of what the attacker was answered, and how often. */
  attacker: Map<string, number>;
  verdicts: Record<Verdict, number>;
}

/** How long the attacker waits for the begin of an answer that may never come, in milliseconds. */
const PATIENCE_MS = 100;
const VICTIMS = 2;

export interface Size {
  /** How often each trick is played. */
  rounds: number;
  /** Requests of each victim after each. */
  requests: number;
}

/** All tricks over one path. `told` gets each row when it is done. */
export async function play(path: SharedPath, size: Size, told: (row: Row) => void = () => undefined): Promise<Row[]> {
  const attacks = path.transport === 'http' ? httpAttacks(path) : grpcAttacks(path);
  const rows: Row[] = [];
  for (const { name, attack } of attacks) {
    const row: Row = { path: path.name, trick: name, attacker: new Map(), verdicts: { own: 0, mixed: 0, lost: 0 } };
    for (let round = 0; round < size.rounds; round++) await playOnce(path, attack, size.requests, row);
    rows.push(row);
    told(row);
  }
  return rows;
}

/** How many answers of victims one round of all tricks brings. */
export const answersPerRound = (paths: readonly SharedPath[], requests: number): number =>
  paths.reduce((sum, { transport, models }) => {
    const tricks = transport === 'http' ? TRICKS.length : METADATA_TRICKS.length;
    return sum + tricks * VICTIMS * models.length * (1 + requests);
  }, 0);

/** Resolves with how the attacker is answered once it may have done its harm; `leave` ends it, and tells what else it has read. */
type Attack = () => Promise<{ answer: string; leave: () => string }>;

async function playOnce(path: SharedPath, attack: Attack, requests: number, row: Row): Promise<void> {
  const port = Number(new URL(path.server.url).port);
  const open = (): Victim => (path.transport === 'http' ? new HttpVictim(port) : new GrpcVictim(path.server.grpc));
  const victims = Array.from({ length: VICTIMS }, open);
  const all = async (times: number) => {
    for (let i = 0; i < times; i++) {
      for (const model of path.models) {
        const verdicts = await Promise.all(victims.map((victim) => victim.ask(model)));
        for (const verdict of verdicts) row.verdicts[verdict]++;
      }
    }
  };
  // The connections that are shared exist, and are free, when the attack comes.
  await all(1);
  const { answer, leave } = await attack();
  await all(Math.max(1, Math.floor(requests / 2)));
  const read = leave();
  await all(Math.max(1, Math.ceil(requests / 2)));
  for (const victim of victims) victim.close();
  row.attacker.set(answer, (row.attacker.get(answer) ?? 0) + 1);
  // What the attacker gets to read of others is as bad.
  if (read.includes(CANARY)) row.verdicts.mixed++;
}

const httpAttacks = (path: SharedPath): { name: string; attack: Attack }[] =>
  TRICKS.map(({ name, bytes }) => ({
    name,
    attack: async () => {
      const socket = connect({ port: Number(new URL(path.server.url).port), host: '127.0.0.1', noDelay: true });
      let read = '';
      socket.on('data', (chunk) => (read += chunk.toString('latin1')));
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      // So that the connection is with the worker that passes on.
      socket.write(`GET /v2/models/${path.models[0]} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await heard(socket);
      read = '';
      socket.write(bytes(path.target));
      await heard(socket);
      return {
        answer: read === '' ? 'nothing' : (/\d{3}/.exec(read)?.[0] ?? 'garbage'),
        leave: () => (socket.destroy(), read),
      };
    },
  }));

const heard = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    for (const event of ['data', 'end', 'close']) socket.once(event, () => (clearTimeout(timer), resolve()));
  });

const grpcAttacks = (path: SharedPath): { name: string; attack: Attack }[] =>
  METADATA_TRICKS.map(({ name, metadata }) => ({
    name,
    attack: async () => {
      const rpc = new Rpc(path.server.grpc);
      const message = inferenceMessage(path.models.at(-1) ?? '', 'attacker', 1);
      const answer = await rpc.call(V2, 'ModelInfer', message, { metadata, deadlineMs: 5_000 });
      const read = JSON.stringify(answer);
      return {
        answer: 'code' in answer ? `status ${Number(answer.code)}` : 'OK',
        leave: () => (rpc.close(), read),
      };
    },
  }));
