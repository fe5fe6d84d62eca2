import { describe, expect, it } from '@jest/globals';
import { readConfig } from './config.ts';

const NEEDED = { SERVING_IMAGE: 'server:1', POD_NAMESPACE: 'system' };

describe('the settings of the operator', () => {
  it('need a serving image and a namespace, the rest has defaults', () => {
    expect(readConfig(NEEDED)).toMatchObject({
      servingImage: 'server:1',
      namespace: 'system',
      watchNamespaces: [],
      plainHttpRegistries: [],
      caBundle: undefined,
      pullSecrets: [],
      fixedIds: true,
      leaderElection: true,
      leaseName: 'modeldeployment-operator',
      logLevel: 'info',
      metricsPort: 8081,
      workers: 4,
      prometheusUrl: undefined,
      gatewayAPI: false,
    });
  });

  it('are lists where commas separate them', () => {
    const config = readConfig({ ...NEEDED, WATCH_NAMESPACES: 'a, b', REGISTRY_PLAIN_HTTP: 'r:5000,' });
    expect(config).toMatchObject({ watchNamespaces: ['a', 'b'], plainHttpRegistries: ['r:5000'] });
    expect(readConfig({ ...NEEDED, SERVING_IMAGE_PULL_SECRETS: 'a,b' }).pullSecrets).toEqual(['a', 'b']);
  });

  it('name a bundle of authorities by its ConfigMap, and its key where that is another than ca.crt', () => {
    const named = { ...NEEDED, REGISTRY_CA_CONFIG_MAP: 'ca' };
    expect(readConfig(named).caBundle).toEqual({ configMap: 'ca', key: 'ca.crt' });
    expect(readConfig({ ...named, REGISTRY_CA_KEY: 'b.pem' }).caBundle).toEqual({ configMap: 'ca', key: 'b.pem' });
  });

  it('that are wrong are told all at once', () => {
    const read = () => readConfig({ METRICS_PORT: 'x', LOG_LEVEL: 'loud', LEADER_ELECTION: 'maybe', FIXED_IDS: '1' });
    for (const name of [
      'SERVING_IMAGE',
      'POD_NAMESPACE',
      'METRICS_PORT',
      'LOG_LEVEL',
      'LEADER_ELECTION',
      'FIXED_IDS',
    ]) {
      expect(read).toThrow(name);
    }
  });

  it.each(['http://prometheus:9090', 'https://proxy.example/tenants/prometheus'])('take %s for Prometheus', (url) => {
    expect(readConfig({ ...NEEDED, PROMETHEUS_URL: url }).prometheusUrl).toBe(url);
  });

  it.each(['prometheus:9090', 'file:///etc', 'http://', 'http://user:secret@prometheus', 'http://prometheus/?a=b'])(
    'do not take %s for Prometheus',
    (url) => {
      expect(() => readConfig({ ...NEEDED, PROMETHEUS_URL: url })).toThrow('PROMETHEUS_URL must look like');
    },
  );
});
