/** classify and regress: 0.5 · x + 3. A feature written without a point would be an INT64 one. */
import { group, refused, type Case } from '../case.ts';
import { MODEL } from '../models.ts';
import { post } from './build.ts';

export function examples(): Case[] {
  const regress = (body: unknown) => post(MODEL.regress, 'regress', body);
  const classify = (body: unknown) => post(MODEL.classify, 'classify', body);
  return [
    ...group(
      'v1 regress',
      'core',
      [
        {
          title: 'examples',
          request: regress({ examples: [{ x: 2.5 }, { x: -4.5 }] }),
          expect: { json: { results: [4.25, 0.75] } },
        },
        {
          title: 'a feature in a list',
          request: regress({ examples: [{ x: [2.5] }] }),
          expect: { json: { results: [4.25] } },
        },
        {
          title: 'a feature of the context',
          request: regress({ context: { x: 6.5 }, examples: [{}] }),
          expect: { json: { results: [6.25] } },
        },
        {
          title: 'a feature that is missing has its default',
          request: regress({ examples: [{}] }),
          expect: { json: { results: [3] } },
        },
        {
          title: 'with the name of the signature',
          request: regress({ signature_name: 'serving_default', examples: [{ x: 2.5 }] }),
          expect: { json: { results: [4.25] } },
        },
        { title: 'no examples', request: regress({}), expect: refused() },
        { title: 'an empty list', request: regress({ examples: [] }), expect: refused() },
        { title: 'examples that are no list', request: regress({ examples: { x: 1 } }), expect: refused() },
        { title: 'an example that is no object', request: regress({ examples: [1] }), expect: refused() },
        { title: 'a feature of the wrong kind', request: regress({ examples: [{ x: 'two' }] }), expect: refused() },
        { title: 'a feature of mixed kinds', request: regress({ examples: [{ x: [1, 'a'] }] }), expect: refused() },
        { title: 'a feature that is null', request: regress({ examples: [{ x: null }] }), expect: refused() },
      ].map((one) => ({ model: MODEL.regress, ...one })),
    ),
    ...group(
      'v1 classify',
      'core',
      [
        {
          title: 'examples',
          request: classify({ examples: [{ x: 2.5 }, { x: 0.5 }] }),
          expect: { json: { results: [[['', 4.25]], [['', 3.25]]] } },
        },
        {
          title: 'a context that is no object',
          request: classify({ context: 1, examples: [{ x: 1 }] }),
          expect: refused(),
        },
        {
          title: 'of a signature for something else',
          request: post(MODEL.classify, 'regress', { examples: [{ x: 2.5 }] }),
          expect: refused(),
        },
        { title: 'no JSON', request: classify('{'), expect: refused() },
      ].map((one) => ({ model: MODEL.classify, ...one })),
    ),
    ...group('v1 classify', 'core', [
      {
        title: 'of a model that only predicts',
        model: MODEL.dense,
        request: post(MODEL.dense, 'classify', { examples: [{ x: 1 }] }),
        expect: refused(),
      },
    ]),
  ];
}
