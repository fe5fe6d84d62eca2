import { describe, expect, it } from '@jest/globals';
import type { IServiceAccount } from 'kubernetes-models/v1';
import { NAME } from '../testing/cluster.ts';
import { Simulator } from '../testing/simulator.ts';

const accountOf = ({ store }: Simulator): IServiceAccount | undefined =>
  store.list<IServiceAccount>('ServiceAccount').find(({ metadata }) => metadata?.name === NAME);

const secretsOf = (sim: Simulator): unknown => accountOf(sim)?.imagePullSecrets?.map(({ name }) => name);

function serving(...pullSecrets: string[]): Simulator {
  const sim = new Simulator({ model: { uri: 'oci://registry.example/models/digits:1' }, replicas: 1 });
  sim.settings = { ...sim.settings, pullSecrets };
  sim.settle();
  return sim;
}

/** What a pass writes in a settled world. */
function written(sim: Simulator): string[] {
  sim.writes.length = 0;
  sim.settle();
  return sim.writes;
}

function edit(sim: Simulator, ...names: string[]): void {
  const account = accountOf(sim);
  if (account === undefined) throw new Error('there is no account');
  sim.store.change(account, (next) => (next.imagePullSecrets = names.map((name) => ({ name }))));
}

describe('the secrets that images are pulled with', () => {
  it('are on the account before any pod is made, and in no template', () => {
    const sim = serving('harbor', 'quay');
    expect(secretsOf(sim)).toEqual(['harbor', 'quay']);
    const others = sim.store.all().filter(({ kind }) => kind !== 'ServiceAccount');
    expect(JSON.stringify(others)).not.toContain('imagePullSecrets');
    expect(written(sim)).toEqual([]);
  });

  it('are not mentioned where the setting names none', () => {
    const sim = serving();
    expect(accountOf(sim)).not.toHaveProperty('imagePullSecrets');
    expect(written(sim)).toEqual([]);
  });

  it('reach an account that is there by one write, which makes no revision', () => {
    const sim = serving();
    sim.settings = { ...sim.settings, pullSecrets: ['harbor'] };
    expect(written(sim)).toEqual(['apply ServiceAccount']);
    expect(secretsOf(sim)).toEqual(['harbor']);
    expect(written(sim)).toEqual([]);
  });

  it('come back when somebody removes them, and those of others stay', () => {
    const sim = serving('harbor');
    edit(sim, 'theirs');
    sim.settle();
    expect(secretsOf(sim)).toEqual(['theirs', 'harbor']);
    expect(written(sim)).toEqual([]);
  });

  it('of others are left alone where the setting names none', () => {
    const sim = serving();
    edit(sim, 'theirs');
    expect(written(sim)).toEqual([]);
    expect(secretsOf(sim)).toEqual(['theirs']);
  });
});
