import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeLayers, distinct } from './tfjs-layers.ts';

describe('names of tensors', () => {
  it('are numbered where a layer has several, as Keras does', () => {
    expect(distinct(['lstm', 'lstm', 'lstm'])).toEqual(['lstm', 'lstm_1', 'lstm_2']);
    expect(distinct(['a', 'a_1', 'a'])).toEqual(['a', 'a_1', 'a_2']);
    expect(distinct(['a', 'a', 'a_1'])).toEqual(['a', 'a_2', 'a_1']);
  });

  it('are never the same, and stay what they are where nobody else has them', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom<string[]>('a', 'a_1', 'a_2', 'a_1_1', 'b')), (names) => {
        const given = distinct(names);
        expect(new Set(given).size).toBe(names.length);
        given.forEach((name, i) => {
          if (names.indexOf(names[i] ?? '') === i) expect(name).toBe(names[i]);
        });
      }),
    ));

  it('are so for the inputs and the outputs of a layers model', () => {
    const layer = { class_name: 'InputLayer', name: 'x', config: { name: 'x', batch_input_shape: [null, 2] } };
    const layers = [layer, { class_name: 'LSTM', name: 'lstm', config: { name: 'lstm' } }];
    const [input_layers, output_layers] = [[['x', 0, 0]], [0, 1, 2].map((i) => ['lstm', 0, i])];
    const { signatures } = describeLayers({
      modelTopology: { model_config: { class_name: 'Model', config: { layers, input_layers, output_layers } } },
    });
    const { inputs = [], outputs = [] } = signatures.serving_default ?? {};
    expect([...inputs, ...outputs].map(({ name }) => name)).toEqual(['x', 'lstm', 'lstm_1', 'lstm_2']);
  });
});
