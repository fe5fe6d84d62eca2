import { describe, expect, it } from '@jest/globals';
import { route, withVersion } from './route.ts';

describe('a request line', () => {
  it.each([
    ['GET', '/', { kind: 'page' }],
    ['GET', '/metrics?x=1', { kind: 'metrics' }],
    ['GET', '/metrics/triton', { kind: 'metrics.triton' }],
    ['GET', '/monitoring/prometheus/metrics', { kind: 'metrics.tensorflow' }],
    ['GET', '/v2', { kind: 'v2.server' }],
    ['GET', '/v2/', { kind: 'v2.server' }],
    ['GET', '/v2/models', { kind: 'v2.models' }],
    ['GET', '/v2/health/live', { kind: 'v2.live' }],
    ['HEAD', '/v2/health/ready', { kind: 'v2.ready' }],
    ['GET', '/v2/models/m', { kind: 'v2.model', model: 'm' }],
    ['GET', '/v2/models/m/versions/3', { kind: 'v2.model', model: 'm', version: '3' }],
    ['GET', '/v2/models/m/ready', { kind: 'v2.modelReady', model: 'm' }],
    ['GET', '/v2/models/m/config', { kind: 'v2.config', model: 'm' }],
    ['GET', '/v2/models/m/versions/3/stats', { kind: 'v2.modelStats', model: 'm', version: '3' }],
    ['GET', '/v2/models/stats', { kind: 'v2.stats' }],
    ['POST', '/v2/repository/index', { kind: 'v2.index' }],
    ['POST', '/v2/repository/models/a%20b/load', { kind: 'v2.load', name: 'a b' }],
    ['POST', '/v2/repository/models/m/unload', { kind: 'v2.unload', name: 'm' }],
    ['POST', '/v2/models/a%20b/infer', { kind: 'v2.infer', model: 'a b' }],
    ['POST', '/v2/models/m/versions/3/infer', { kind: 'v2.infer', model: 'm', version: '3' }],
    ['POST', '/v1/models/m:predict', { kind: 'v1.predict', model: 'm' }],
    ['POST', '/V1/Models/m/Versions/3:PREDICT', { kind: 'v1.predict', model: 'm', version: '3' }],
    ['POST', '/v1/models/m/labels/a%20b:predict', { kind: 'v1.predict', model: 'm', label: 'a b' }],
    ['GET', '/v1/models/m/labels/stable', { kind: 'v1.status', model: 'm', label: 'stable' }],
    ['POST', '/v1/models/m:classify', { kind: 'v1.classify', model: 'm' }],
    ['POST', '/v1/models/m/versions/2:regress', { kind: 'v1.regress', model: 'm', version: '2' }],
    ['GET', '/v1/models/m/labels/canary/metadata', { kind: 'v1.metadata', model: 'm', label: 'canary' }],
    ['GET', '/v1/models/m', { kind: 'v1.status', model: 'm' }],
    ['GET', '/v1/models/m/versions/3', { kind: 'v1.status', model: 'm', version: '3' }],
    ['GET', '/v1/models/m/metadata', { kind: 'v1.metadata', model: 'm' }],
    ['POST', '/v2/models/..%2f..%2fetc/infer', { kind: 'v2.infer', model: '../../etc' }],
  ])('%s %s is understood', (method, url, expected) => {
    expect(route(method, url)).toEqual(expected);
  });

  it.each([
    ['GET', '/nothing', 404],
    ['GET', '//', 404],
    ['GET', '/v2/models/', 404],
    ['GET', '/v2/models/%ff', 404],
    ['POST', '/v2/models/m/explain', 404],
    ['GET', '/v2/repository/index', 405],
    ['GET', '/v2/repository/models/m/load', 405],
    ['POST', '/v2/repository/models/%ff/load', 404],
    ['POST', '/v2/repository/models/m/n/load', 404],
    ['POST', '/v2/models/m/stats', 405],
    ['POST', '/v2/systemsharedmemory/region/r/register', 404],
    ['GET', `/v2/models/${'x'.repeat(3000)}`, 404],
    ['GET', '/v2/models/m/infer', 405],
    ['POST', '/v2/models/m', 405],
    ['DELETE', '/', 405],
    ['POST', '/v1/models/m:explain', 400],
    ['GET', '/v1/models/m:classify', 400],
    ['GET', '/v1/models/m:predict', 400],
    ['GET', '/v1/models', 400],
    ['POST', '/v1/models/m/versions/x:predict', 400],
  ])('%s %s is answered %i', (method, url, status) => {
    expect(() => route(method, url)).toThrow(expect.objectContaining({ status }));
  });

  it('with the wrong verb is told the right one', () => {
    expect(() => route('GET', '/v2/models/m/infer')).toThrow(expect.objectContaining({ headers: { Allow: 'POST' } }));
  });

  it('with the wrong verb under /v1 is answered as TensorFlow Serving does', () => {
    expect(() => route('DELETE', '/v1/models/m')).toThrow('Malformed request: DELETE /v1/models/m');
  });
});

describe('a question of a version by its number', () => {
  it.each([
    ['/v2/models/m/infer', '/v2/models/m/versions/7/infer'],
    ['/v2/models/m', '/v2/models/m/versions/7'],
    ['/v2/models/a%20b/versions/stable/infer?x=/versions/1', '/v2/models/a%20b/versions/7/infer?x=/versions/1'],
    ['/v1/models/m:predict', '/v1/models/m/versions/7:predict'],
    ['/V1/models/m/Labels/stable:predict', '/V1/models/m/versions/7:predict'],
    ['/v1/models/m/versions/3/metadata', '/v1/models/m/versions/7/metadata'],
  ])('%s is asked as %s', (url, expected) => {
    expect(withVersion(url, '7')).toBe(expected);
  });
});
