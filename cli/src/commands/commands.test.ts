import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WRITTEN, EVENTS, type LiveModel, MODEL_DEPLOYMENTS } from '@modeldeployment/operator';
import { eventually } from '../../../operator/src/runtime/testing/eventually.ts';
import { FakeApiServer } from '../../../operator/src/runtime/testing/fake-api-server.ts';
import { EXIT, exitCodeOf, explain } from '../errors.ts';
import { makeProgram } from '../program.ts';
import { complete } from './completion.ts';
import { logFlags } from './logs.ts';

/** Commands against a small API server, reached as in earnest: through the proxy of a (fake) kubectl. */
let server: FakeApiServer;
let out: string[];
let errors: string[];
let interrupt: AbortController;

const TRIAL = {
  id: 't',
  revision: 2,
  from: 1,
  strategy: 'Canary',
  phase: 'Running',
  step: 1,
  steps: 2,
  weight: 10,
  since: '2026-01-01T00:00:00Z',
};
const ready = { observedGeneration: 1, phase: 'Ready', ready: '2/2', stable: { revision: 1, version: '1' } };
const digits = (status: object = ready, more: object = {}) =>
  server.storage.put<LiveModel>(MODEL_DEPLOYMENTS, {
    metadata: { name: 'digits', namespace: 'default', uid: 'u', generation: 1 },
    spec: { model: { uri: 'oci://registry.example/digits:1' }, ...more },
    status,
  });
const live = (): LiveModel =>
  server.storage.get<LiveModel>(MODEL_DEPLOYMENTS, { namespace: 'default', name: 'digits' }) as LiveModel;

beforeEach(async () => {
  server = await FakeApiServer.start([MODEL_DEPLOYMENTS, EVENTS, ...Object.values(WRITTEN)]);
  process.env['FAKE_API'] = server.connection.server;
  process.env['KUBECTL'] = fileURLToPath(new URL('../testing/fake-kubectl.mjs', import.meta.url));
  interrupt = new AbortController();
  [out, errors] = [[], []];
  jest.spyOn(console, 'log').mockImplementation((text: string) => void out.push(text));
  jest.spyOn(console, 'error').mockImplementation((text: string) => void errors.push(text));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
  process.exitCode = 0;
  for (const name of ['FAKE_API', 'KUBECTL', 'FAKE_APPLIED']) Reflect.deleteProperty(process.env, name);
});

async function mdep(...args: string[]): Promise<string> {
  out = [];
  await makeProgram(interrupt.signal).parseAsync(args, { from: 'user' });
  return out.join('\n');
}

/** What a person reads when the command fails. */
async function refusal(...args: string[]): Promise<string> {
  const error: unknown = await mdep(...args).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeDefined();
  return explain(error);
}
const patches = () => server.seen({ verb: 'patch' }).map(({ body }) => body);

describe('get', () => {
  it('draws one, as text, as data, or as its name', async () => {
    digits();
    expect(await mdep('get', 'digits')).toMatch(/^digits {2}✔ Ready {2}2\/2 ready {2}in default\n/);
    expect(JSON.parse(await mdep('get', 'mdep/digits', '-o', 'json'))).toMatchObject({
      name: 'digits',
      observed: true,
    });
    expect(await mdep('get', 'digits', '-o', 'yaml')).toContain('phase: Ready');
    expect(await mdep('get', 'digits', '-o', 'name')).toBe('modeldeployment.modelserving.dev/digits');
  });

  it('lists those of the namespace of the context, and says so when there are none', async () => {
    expect(await mdep('get')).toBe('');
    expect(errors.join()).toContain('There are no ModelDeployments in default');
    digits();
    expect(await mdep('get')).toMatch(/^NAME .*\ndigits {2}✔ Ready {2}2\/2/);
    expect(await mdep('get', '-n', 'other')).toBe('');
    expect(await mdep('get', '-A')).toMatch(/^NAMESPACE .*\ndefault {4}digits/);
  });

  it('of a name that does not exist says which do', async () => {
    digits();
    expect(await refusal('get', 'digit')).toBe(
      'error: there is no ModelDeployment digit in namespace default, which has digits',
    );
  });

  it('shows what may be read, and tells what may not', async () => {
    digits();
    server.script({ resource: 'replicasets.apps' }, { status: 403 }, 9);
    const text = await mdep('get', 'digits');
    expect(text).toContain('✔ Ready');
    expect(text).toContain('not shown: replicasets.apps (you may not list them)');
  });

  it('passes on why ModelDeployments may not be read, with what to do', async () => {
    server.script({ resource: 'modeldeployments.modelserving.dev' }, { status: 403, message: 'eve cannot list' }, 9);
    expect(await refusal('get', 'digits')).toBe(
      'error: eve cannot list\nAsk for this right, or use --as, --user or --context.',
    );
  });

  it('watched without a terminal prints a line for each change, until interrupted', async () => {
    digits();
    const watching = mdep('get', 'digits', '--watch');
    const printed = (text: string) => eventually(() => out.some((line) => line.includes(text)));
    await printed('Ready, 2/2 ready, revision 1 stable');
    digits({ ...ready, phase: 'Trial', trial: TRIAL });
    await printed('revision 2 on trial: Canary, Running, step 1 of 2, 10 %');
    interrupt.abort();
    await watching;
    expect(out).toHaveLength(2);
  });
});

describe('the way to the cluster', () => {
  it('hands the flags of kubectl on', async () => {
    expect(await refusal('get', '--context', 'wrong')).toBe('error: context "wrong" does not exist');
  });

  it('tells in the words of kubectl why the API server does not answer', async () => {
    process.env['FAKE_API'] = 'http://127.0.0.1:1';
    expect(await refusal('get')).toBe('error: the API server does not answer: ECONNREFUSED');
  });

  it('says that kubectl is missing', async () => {
    process.env['KUBECTL'] = '/no/such/kubectl';
    expect(await refusal('get')).toContain('kubectl is not on PATH');
  });
});

describe('an action', () => {
  it.each(['promote', 'pause', 'resume', 'abort'])(
    '%s is refused, and not written, while nothing is on trial',
    async (name) => {
      digits();
      expect(await refusal(name, 'digits')).toContain(
        'digits has no revision on trial: revision 1 serves, it is Ready',
      );
      expect(patches()).toEqual([]);
    },
  );

  it('is written with a fresh id each time', async () => {
    digits({ ...ready, trial: TRIAL });
    await mdep('promote', 'digits');
    await mdep('promote', 'digits');
    const ids = patches().map(
      (body) => (body as { spec: { rollout: { action: { type: string; id: string } } } }).spec.rollout.action,
    );
    expect(ids.map(({ type }) => type)).toEqual(['Promote', 'Promote']);
    expect(new Set(ids.map(({ id }) => id)).size).toBe(2);
    expect(ids.every(({ id }) => id.length <= 64)).toBe(true);
  });

  it('waited for prints what came of it', async () => {
    digits({ ...ready, phase: 'Failed' });
    const stop = server.storage.follow(Number(server.storage.resourceVersion), () => {
      const { action } = live().spec.rollout ?? {};
      if (action === undefined || live().status?.lastAction?.id === action.id) return;
      const lastAction = { ...action, time: '2026-01-01T00:00:00Z', message: 'trying revision 1 again' };
      setImmediate(() => digits({ ...ready, lastAction }, { rollout: { action } }));
    });
    expect(await mdep('retry', 'digits', '--wait')).toBe('Retry of digits: trying revision 1 again');
    stop();
  });

  it('that nobody carries out asks whether the operator runs', async () => {
    digits();
    expect(await refusal('refresh', 'digits', '--wait', '--timeout', '1s')).toContain(
      'nothing after 1 s; is the operator running?',
    );
  });
});

describe('undo', () => {
  it('needs the history, and says who may not read it', async () => {
    digits();
    server.script({ resource: 'controllerrevisions.apps' }, { status: 403, message: 'eve cannot list' }, 9);
    expect(await refusal('undo', 'digits')).toContain('eve cannot list');
  });

  it('can be cleared', async () => {
    digits(ready, { rollbackTo: { revision: 1 } });
    await mdep('undo', 'digits', '--clear');
    expect(live().spec.rollbackTo).toBeUndefined();
  });
});

describe('diff', () => {
  it('foretells what the API server would store, and writes nothing', async () => {
    digits();
    const next = { ...live(), kind: 'ModelDeployment', spec: { model: { uri: 'oci://registry.example/digits:2' } } };
    process.env['FAKE_APPLIED'] = JSON.stringify({ kind: 'List', items: [{ kind: 'Secret' }, next] });
    expect(await mdep('diff', '-f', 'x.yaml')).toContain('a new revision is made: its pods will start');
    const [change] = JSON.parse(await mdep('diff', '-f', 'x.yaml', '-o', 'json')) as object[];
    expect(change).toMatchObject({ name: 'digits', startsPods: true });
    expect(process.exitCode).toBe(0);
    await mdep('diff', '-f', 'x.yaml', '--exit-code');
    expect(process.exitCode).toBe(3);
    expect(server.requests.filter(({ verb }) => !['list', 'watch', 'get'].includes(verb))).toEqual([]);
  });

  it('refuses a manifest without a ModelDeployment', async () => {
    process.env['FAKE_APPLIED'] = JSON.stringify({ kind: 'Secret' });
    expect(await refusal('diff', '-f', 'x.yaml')).toContain('x.yaml holds no ModelDeployment');
  });
});

describe('logs', () => {
  it('are those of all pods, each line with its pod, or of one revision and container', () => {
    expect(logFlags('digits', { tail: '20' })).toEqual([
      '--selector=modelserving.dev/model=digits',
      '--all-containers',
      '--prefix',
      '--ignore-errors',
      '--max-log-requests=50',
      '--tail=20',
    ]);
    const chosen = logFlags('digits', { tail: '-1', revision: 2, container: 'fetch', previous: true, follow: true });
    expect(chosen).toEqual(
      expect.arrayContaining([
        '--selector=modelserving.dev/model=digits,modelserving.dev/revision=2',
        '--container=fetch',
        '--previous',
        '--follow',
      ]),
    );
  });
});

describe('wrong arguments', () => {
  it.each([
    [['get', 'pod/x'], 'pod/x is no ModelDeployment'],
    [['get', 'a/b/c'], 'a/b/c is no ModelDeployment'],
    [['get', 'A!'], '"A!" is no name of an object'],
    [['get', '-w'], 'name the ModelDeployment to watch'],
    [['get', 'digits', '-A'], 'leave out the name'],
    [['get', 'digits', '-w', '-o', 'yaml'], '-w prints text or json'],
    [['undo', 'digits', '--to-revision', 'one'], 'one is no number of a revision'],
    [['undo', 'digits', '--clear', '--to-revision', '1'], 'leave out --to-revision'],
    [['abort', 'digits', '--timeout', 'soon'], 'soon is no span of time'],
    [['predict', 'digits'], 'predict digits --example > input.json'],
  ])('%j are told in words', async (args, message) => {
    const error: unknown = await mdep(...args).catch((reason: unknown) => reason);
    expect(explain(error)).toContain(message);
    expect(exitCodeOf(error)).toBe(EXIT.usage);
    expect(server.requests).toEqual([]);
  });
});

describe('completion', () => {
  it('asks kubectl with the flags that were typed, and never fails', async () => {
    const asked = await complete(makeProgram(), ['get', '-n', 'prod', '--context=c', '']);
    expect(asked).toContain('--namespace=prod');
    expect(asked).toContain('--context=c');
    process.env['KUBECTL'] = '/no/such/kubectl';
    expect(await complete(makeProgram(), ['get', ''])).toBe(':4');
    expect(await complete(makeProgram(), ['get', '-n', ''])).toBe(':4');
  });

  it('offers what begins as the word does, and files where files belong', async () => {
    expect((await complete(makeProgram(), ['un'])).split('\n')).toEqual([expect.stringMatching(/^undo\t/), ':4']);
    expect(await complete(makeProgram(), ['diff', '-f', ''])).toBe(':0');
  });
});
