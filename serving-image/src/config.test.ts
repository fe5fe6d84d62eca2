import { describe, expect, it } from '@jest/globals';
import { ENV } from '@modeldeployment/modelpack/contract';
import { cgroupLimit, OWN_ENV, readConfig, workerEnvironment } from './config.ts';

const read = (env: Record<string, string>) => readConfig(env, () => 3);

describe('the settings', () => {
  it('have defaults that serve the only model of /models', () => {
    expect(read({})).toMatchObject({
      name: undefined,
      version: undefined,
      repository: '/models',
      format: 'auto',
      engine: 'auto',
      httpPort: 8080,
      adminPort: 9090,
      workers: 3,
      drainSeconds: 5,
      loadSeconds: 300,
      terminationLog: '/dev/termination-log',
    });
  });

  it('take an empty variable as one that is not set', () => {
    expect(read({ [ENV.name]: '', [ENV.workers]: ' ' })).toMatchObject({ name: undefined, workers: 3 });
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

  it('give TensorFlow one thread per worker unless the user said otherwise', () => {
    expect(workerEnvironment({})).toMatchObject({ TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' });
    expect(workerEnvironment({ TF_NUM_INTRAOP_THREADS: '4' })).toMatchObject({ TF_NUM_INTRAOP_THREADS: '4' });
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
