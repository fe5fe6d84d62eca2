/** Status, metadata and paths. */
import { CLIENT_ERROR, group, refused, type Case } from '../case.ts';
import { MODEL } from '../models.ts';
import { get, predict } from './build.ts';

const MODEL_PATH = `/v1/models/${MODEL.dense}`;

export function questions(version: string): Case[] {
  const status = {
    json: { model_version_status: [{ version, state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }] },
  };
  const tensor = (dtype: string, ...sizes: string[]) => ({
    dtype,
    tensor_shape: { dim: sizes.map((size) => ({ size, name: '' })), unknown_rank: false },
  });
  const metadata = {
    json: {
      model_spec: { name: MODEL.dense, signature_name: '', version },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: { x: tensor('DT_FLOAT', '-1', '3') },
              outputs: { y: tensor('DT_FLOAT', '-1', '2') },
              method_name: 'tensorflow/serving/predict',
            },
          },
        },
      },
    },
  };
  const rows = predict({ instances: [[1, 2, 3]] });
  return [
    ...group(
      'v1 status',
      'core',
      [
        { title: 'of a model', request: get(MODEL_PATH), expect: status },
        { title: 'of a version', request: get(`${MODEL_PATH}/versions/${version}`), expect: status },
        {
          title: 'media type',
          request: get(MODEL_PATH),
          expect: { headers: { 'content-type': /^application\/json/ } },
        },
        { title: 'of an unknown model', request: get('/v1/models/no-such-model'), expect: refused(404) },
        { title: 'of an unknown version', request: get(`${MODEL_PATH}/versions/987654`), expect: refused(404) },
        { title: 'of an unknown label', request: get(`${MODEL_PATH}/labels/no-such-label`), expect: refused() },
      ].map((one) => ({ model: MODEL.dense, ...one })),
    ),
    ...group(
      'v1 metadata',
      'core',
      [
        { title: 'of a model', request: get(`${MODEL_PATH}/metadata`), expect: metadata },
        { title: 'of a version', request: get(`${MODEL_PATH}/versions/${version}/metadata`), expect: metadata },
        { title: 'of an unknown model', request: get('/v1/models/no-such-model/metadata'), expect: refused(404) },
        {
          title: 'of an unknown version',
          request: get(`${MODEL_PATH}/versions/987654/metadata`),
          expect: refused(404),
        },
      ].map((one) => ({ model: MODEL.dense, ...one })),
    ),
    ...group(
      'v1 path',
      'core',
      [
        {
          title: 'in capitals',
          request: { ...rows, path: rows.path.replace('/v1/models', '/V1/MODELS').replace('predict', 'PREDICT') },
          expect: { json: { predictions: [[22.5, 27.5]] } },
        },
        {
          title: 'a name in percent encoding',
          request: { ...rows, path: rows.path.replace('dense', '%64ense') },
          expect: { json: { predictions: [[22.5, 27.5]] } },
        },
        {
          title: 'predict of an unknown model',
          request: { ...rows, path: '/v1/models/no-such-model:predict' },
          expect: refused(404),
        },
        {
          title: 'predict of an unknown version',
          request: predict({ instances: [[1, 2, 3]] }, '/versions/987654'),
          expect: refused(404),
        },
        {
          title: 'predict of an unknown label',
          request: predict({ instances: [[1, 2, 3]] }, '/labels/no-such-label'),
          expect: refused(),
        },
        {
          title: 'a version that is no number',
          request: predict({ instances: [[1, 2, 3]] }, '/versions/abc'),
          expect: refused(),
        },
        {
          title: 'a verb nobody knows',
          request: { ...rows, path: `${MODEL_PATH}:explode` },
          expect: { status: CLIENT_ERROR },
        },
        { title: 'no verb', request: { ...rows, path: MODEL_PATH }, expect: { status: CLIENT_ERROR } },
        { title: 'GET of predict', request: get(`${MODEL_PATH}:predict`), expect: { status: CLIENT_ERROR } },
        { title: 'PUT of predict', request: { ...rows, method: 'PUT' }, expect: { status: CLIENT_ERROR } },
        { title: 'elsewhere', request: get('/v1/nonsense'), expect: { status: CLIENT_ERROR } },
        {
          title: 'dots',
          request: { ...rows, path: '/v1/models/..%2f..%2fetc:predict' },
          expect: { status: CLIENT_ERROR },
        },
      ].map((one) => ({ model: MODEL.dense, ...one })),
    ),
  ];
}
