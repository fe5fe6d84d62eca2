import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { ENV } from '@modeldeployment/modelpack/contract';
import { OWN_ENV, readConfig } from './config.ts';
import { workerEnvironment } from './supervisor/worker-environment.ts';
import { cgroupLimit } from './cores.ts';

const read = (env: Record<string, string>) => readConfig(env, () => 3);

describe('the settings', () => {
  it('have defaults that serve all models of /models', () => {
    expect(read({})).toMatchObject({
      name: undefined,
      version: undefined,
      repository: '/models',
      format: 'auto',
      engine: 'auto',
      httpPort: 8080,
      adminPort: 9090,
      policy: { kind: 'latest', count: 1 },
      pollSeconds: 1,
      workers: undefined,
      cores: 3,
      drainSeconds: 5,
      loadSeconds: 300,
      terminationLog: '/dev/termination-log',
    });
  });

  it('take an empty variable as one that is not set', () => {
    expect(read({ [ENV.name]: '', [ENV.workers]: ' ' })).toMatchObject({ name: undefined, workers: undefined });
  });

  it('tell all mistakes at once', () => {
    const env = {
      [ENV.name]: '../etc',
      [ENV.version]: 'latest',
      [ENV.engine]: 'gpu',
      [OWN_ENV.httpPort]: '99999',
      [ENV.workers]: '0',
      [ENV.drainSeconds]: '-1',
      [ENV.logLevel]: 'loud',
    };
    const names = Object.keys(env);
    expect(() => read(env)).toThrow(
      expect.objectContaining({
        reason: 'BadConfiguration',
        message: expect.stringMatching(new RegExp(names.join('.*'))),
      }),
    );
  });

  it('refuse a version without a name', () => {
    expect(() => read({ [ENV.version]: '1' })).toThrow('MODEL_NAME must be too');
  });

  it('refuse a policy beside a version', () => {
    expect(() => read({ [ENV.name]: 'm', [ENV.version]: '1', [OWN_ENV.policy]: 'all' })).toThrow('needs no policy');
  });

  it('let clients load models only where that is asked for', () => {
    const explicit = (names: string) => read({ [OWN_ENV.control]: 'explicit', [OWN_ENV.loadModels]: names }).explicit;
    expect(read({}).explicit).toBeUndefined();
    expect(explicit('')).toEqual({ load: [], only: undefined });
    expect(explicit('a, b')).toEqual({ load: ['a', 'b'], only: undefined });
    expect(explicit('*')).toEqual({ load: 'all', only: undefined });
    expect(() => explicit('../etc')).toThrow('expected names of models');
    expect(() => read({ [OWN_ENV.loadModels]: 'a' })).toThrow('needs MODEL_CONTROL=explicit');
    const one = { [ENV.name]: 'm', [ENV.version]: '1', [OWN_ENV.control]: 'explicit' };
    expect(() => read(one)).toThrow('nothing to load and unload');
  });

  it('refuse half of what TLS and tokens need', () => {
    expect(() => read({ [OWN_ENV.tlsKey]: 'key' })).toThrow('must both be set');
    expect(() => read({ [OWN_ENV.tlsClientAuthority]: 'ca' })).toThrow('must both be set');
    expect(() => read({ [OWN_ENV.tokenAudience]: 'models' })).toThrow('need AUTH_JWKS_FILE');
  });

  it('give TensorFlow one thread per worker unless the user said otherwise', () => {
    const model = { name: 'm', version: '1' };
    expect(workerEnvironment(model, {})).toMatchObject({ TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' });
    expect(workerEnvironment(model, { TF_NUM_INTRAOP_THREADS: '4' })).toMatchObject({ TF_NUM_INTRAOP_THREADS: '4' });
  });

  it('tell each worker the one version it serves', () => {
    const env = { [OWN_ENV.policy]: 'all', [ENV.engine]: 'wasm' };
    expect(read(workerEnvironment({ name: 'm', version: '7' }, env) as Record<string, string>)).toMatchObject({
      name: 'm',
      version: '7',
      engine: 'wasm',
    });
  });

  it('tell each worker whether clients say what is served', () => {
    const of = (env: Record<string, string>) =>
      read(workerEnvironment({ name: 'm', version: '7' }, env) as Record<string, string>).explicit;
    const explicit = { [OWN_ENV.control]: 'explicit', [OWN_ENV.loadModels]: 'm' };
    // The worker serves one of the models that may be loaded.
    expect(of(explicit)).toEqual({ load: [], only: undefined });
    expect(of({ ...explicit, [ENV.name]: 'm' })).toEqual({ load: [], only: 'm' });
    expect(of({})).toBeUndefined();
  });
});

describe('the reference of the settings', () => {
  const FETCH_ONLY = [
    ENV.uri,
    ENV.digest,
    ENV.source,
    ENV.plainHttpRegistries,
    ENV.dockerConfig,
    ENV.secretName,
    ENV.stallSeconds,
    ENV.maxBytes,
  ] as string[];

  it('names every one of them, and none that is gone', async () => {
    const text = await readFile(new URL('../../docs/reference/server.md', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    const known = [...Object.values(ENV), ...Object.values(OWN_ENV)].filter((name) => !FETCH_ONLY.includes(name));
    expect(documented.sort()).toEqual(known.sort());
  });
});

describe('the CPU limit of the container', () => {
  it.each([
    ['cgroup v2, rounded up', { '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, 2],
    ['cgroup v2 without a limit', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, undefined],
    [
      'cgroup v1',
      { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
      4,
    ],
    [
      'cgroup v1 without a limit',
      { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
      undefined,
    ],
    ['no cgroups at all', {}, undefined],
  ])('is read from %s', (_, files: Record<string, string>, expected) => {
    expect(cgroupLimit((path) => files[path])).toBe(expected);
  });
});
