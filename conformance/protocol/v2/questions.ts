/** Health, metadata, and paths: everything but inference. */
import { CLIENT_ERROR, group, refused, type Case, type Expectation } from '../case.ts';
import type { Subject } from '../subject.ts';
import { get, JSON_HEADERS, sound } from './build.ts';

const NUMBER_TOO_LARGE = '99999999999999999999';
const NOT_THERE = [400, 404, 422];

const health = (): Case[] =>
  group('health', 'core', [
    { title: 'live', request: get('/v2/health/live'), expect: {} },
    { title: 'ready', request: get('/v2/health/ready'), expect: {} },
    { title: 'live with a query', request: get('/v2/health/live?verbose=1'), expect: {} },
    {
      title: 'live with a body',
      request: { method: 'GET', path: '/v2/health/live', headers: JSON_HEADERS, body: '{}' },
      expect: {},
    },
  ]);

function metadata({ model, version, inputs, outputs }: Subject): Case[] {
  const server: Expectation = { text: /"name"\s*:\s*"[^"]+"/, headers: { 'content-type': /^application\/json/ } };
  const path = `/v2/models/${model}`;
  const tensors = { name: model, inputs, outputs };
  return group('metadata', 'core', [
    { title: 'of the server', request: get('/v2'), expect: server },
    { title: 'of the server, as the OpenAPI document writes it', request: get('/v2/'), expect: server },
    { title: 'of the server: version', request: get('/v2'), expect: { text: /"version"\s*:\s*"[^"]+"/ } },
    { title: 'of the server: extensions', request: get('/v2'), expect: { text: /"extensions"\s*:\s*\[/ } },
    { title: 'of a model: its tensors', request: get(path), expect: { json: tensors } },
    { title: 'of a model: platform', request: get(path), expect: { text: /"platform"\s*:\s*"[^"]*"/ } },
    {
      title: 'of a model: media type',
      request: get(path),
      expect: { headers: { 'content-type': /^application\/json/ } },
    },
    {
      title: 'of a model: versions',
      request: get(path),
      expect: { text: new RegExp(`"versions"\\s*:\\s*\\[[^\\]]*"${version}"`) },
    },
    { title: 'of a version', request: get(`${path}/versions/${version}`), expect: { json: tensors } },
    { title: 'of an unknown model', request: get('/v2/models/no-such-model'), expect: refused(...NOT_THERE) },
    ...['987654', 'abc', '-1', NUMBER_TOO_LARGE].map((unknown) => ({
      title: `of version ${unknown}`,
      request: get(`${path}/versions/${unknown}`),
      expect: refused(...NOT_THERE),
    })),
    { title: 'a model is ready', request: get(`${path}/ready`), expect: {} },
    { title: 'a version is ready', request: get(`${path}/versions/${version}/ready`), expect: {} },
    // The protocol wants no body here.
    {
      title: 'an unknown model is not ready',
      request: get('/v2/models/no-such-model/ready'),
      expect: { status: NOT_THERE },
    },
    {
      title: 'an unknown version is not ready',
      request: get(`${path}/versions/987654/ready`),
      expect: { status: NOT_THERE },
    },
  ]);
}

function paths(subject: Subject): Case[] {
  const { model, version } = subject;
  const path = `/v2/models/${model}`;
  const { body } = sound(subject);
  const elsewhere = (to: string, method = 'POST') => ({
    method,
    path: to,
    headers: JSON_HEADERS,
    ...(body && { body }),
  });
  const wrongVerbs: [string, string, string][] = [
    ['POST', '/v2/health/live', 'GET'],
    ['DELETE', '/v2/health/ready', 'GET'],
    ['POST', '/v2', 'GET'],
    ['PUT', path, 'GET'],
    ['DELETE', path, 'GET'],
    ['POST', `${path}/ready`, 'GET'],
    ['GET', `${path}/infer`, 'POST'],
    ['PUT', `${path}/infer`, 'POST'],
    ['DELETE', `${path}/infer`, 'POST'],
    ['PATCH', `${path}/infer`, 'POST'],
  ];
  const unknown = [
    '/v3',
    '/v2/nonsense',
    '/v2/health',
    '/v2/health/dead',
    `${path}/nonsense`,
    `${path}/infer/nonsense`,
    `${path}/versions/${version}/nonsense`,
    '/v2/models//infer',
    '/v2/models/..%2f..%2fetc%2fpasswd/infer',
    '/v2/models/%00/infer',
    '/v2/models/%ff%fe/infer',
    '/v2/models/%zz/infer',
    `/v2/models/${'a'.repeat(5000)}/infer`,
    '/v2/models/__proto__/infer',
    '/v2/models/constructor/infer',
  ];
  return [
    ...group(
      'verb',
      'core',
      wrongVerbs.map(([method, at]) => ({
        title: `${method} ${at.replace(path, '/v2/models/M')}`,
        request: { method, path: at, headers: JSON_HEADERS, ...(method === 'GET' ? {} : { body: body ?? '' }) },
        expect: { status: CLIENT_ERROR },
      })),
    ),
    ...group(
      'verb',
      'robust',
      wrongVerbs.map(([method, at, allowed]) => ({
        title: `${method} ${at.replace(path, '/v2/models/M')} is told what is allowed`,
        request: { method, path: at, headers: JSON_HEADERS, ...(method === 'GET' ? {} : { body: body ?? '' }) },
        expect: { status: [405], headers: { allow: new RegExp(`\\b${allowed}\\b`, 'i') } },
      })),
    ),
    ...group('path', 'robust', [
      ...unknown.map((at) => ({
        title: at.replace(path, '/v2/models/M').slice(0, 60),
        request: elsewhere(at),
        expect: { status: CLIENT_ERROR },
      })),
      {
        title: 'a name in percent encoding',
        request: get(`/v2/models/%${model.charCodeAt(0).toString(16)}${model.slice(1)}`),
        expect: { json: { name: model } },
      },
      { title: 'a query behind infer', request: elsewhere(`${path}/infer?trace=1`), expect: {} },
      {
        title: 'HEAD has no body',
        request: { method: 'HEAD', path: '/v2/health/live' },
        expect: { status: [200, 404, 405], text: /^$/ },
      },
      {
        title: 'an absolute URL',
        request: {
          raw: 'GET http://localhost/v2/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        },
        expect: { statuses: [[200, 400, 404]] },
      },
    ]),
    ...group('unknown', 'core', [
      { title: 'model', request: elsewhere('/v2/models/no-such-model/infer'), expect: refused(...NOT_THERE) },
      { title: 'version', request: elsewhere(`${path}/versions/987654/infer`), expect: refused(...NOT_THERE) },
      {
        title: 'version that is no number',
        request: elsewhere(`${path}/versions/latest/infer`),
        expect: refused(...NOT_THERE),
      },
      { title: 'version 0', request: elsewhere(`${path}/versions/0/infer`), expect: refused(...NOT_THERE) },
      {
        title: 'version with a large number',
        request: elsewhere(`${path}/versions/${NUMBER_TOO_LARGE}/infer`),
        expect: refused(...NOT_THERE),
      },
    ]),
  ];
}

function repository({ model, version }: Subject): Case[] {
  const path = `/v2/models/${model}`;
  const post = (to: string, body?: string) => ({
    method: 'POST',
    path: to,
    headers: JSON_HEADERS,
    ...(body === undefined ? {} : { body }),
  });
  const listed: Expectation = { text: new RegExp(`"name"\\s*:\\s*"${model}"`) };
  const counted: Expectation = { json: { model_stats: [{ name: model, version }] } };
  const durations = ['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output'];
  return group('extensions', 'extension', [
    { title: 'names of the models', request: get('/v2/models'), expect: { text: new RegExp(`"${model}"`) } },
    { title: 'index of the repository', request: post('/v2/repository/index', '{}'), expect: listed },
    { title: 'index without a body', request: post('/v2/repository/index'), expect: listed },
    { title: 'index of what is ready', request: post('/v2/repository/index', '{"ready":true}'), expect: listed },
    {
      title: 'index has states',
      request: post('/v2/repository/index', '{"ready":false}'),
      expect: { text: /"state"\s*:\s*"READY"/ },
    },
    { title: 'index by a wrong wish', request: post('/v2/repository/index', '{"ready":"yes"}'), expect: refused() },
    { title: 'index by no JSON', request: post('/v2/repository/index', '{'), expect: refused() },
    { title: 'index by GET', request: get('/v2/repository/index'), expect: { status: CLIENT_ERROR } },
    {
      title: 'load is not for everybody',
      request: post(`/v2/repository/models/no-such-model/load`, '{}'),
      expect: { status: [...CLIENT_ERROR, 503] },
    },
    {
      title: 'unload is not for everybody',
      request: post(`/v2/repository/models/no-such-model/unload`, '{}'),
      expect: { status: [...CLIENT_ERROR, 503] },
    },
    { title: 'statistics of a model', request: get(`${path}/stats`), expect: counted },
    { title: 'statistics of a version', request: get(`${path}/versions/${version}/stats`), expect: counted },
    {
      title: 'statistics of all',
      request: get('/v2/models/stats'),
      expect: { text: new RegExp(`"name"\\s*:\\s*"${model}"`) },
    },
    { title: 'statistics of an unknown model', request: get('/v2/models/no-such-model/stats'), expect: refused() },
    ...durations.map((name) => ({
      title: `statistics count ${name}`,
      request: get(`${path}/stats`),
      expect: { text: new RegExp(`"${name}"\\s*:\\s*\\{\\s*"count"\\s*:\\s*\\d+\\s*,\\s*"ns"\\s*:\\s*\\d+`) },
    })),
    { title: 'configuration', request: get(`${path}/config`), expect: { json: { name: model } } },
    { title: 'configuration of an unknown model', request: get('/v2/models/no-such-model/config'), expect: refused() },
  ]);
}

export const questions = (subject: Subject): Case[] => [
  ...health(),
  ...metadata(subject),
  ...paths(subject),
  ...repository(subject),
];
