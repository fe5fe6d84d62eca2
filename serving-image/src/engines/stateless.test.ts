import { describe, expect, it } from '@jest/globals';
import { withoutMemory } from './stateless.ts';

describe('a layers model', () => {
  it('has no layer that remembers, wherever it stands, and is the same else', () => {
    const lstm = (stateful: boolean) => ({ class_name: 'LSTM', config: { units: 2, stateful, name: 'stateful' } });
    const made = (stateful: boolean) => ({
      weightSpecs: [],
      modelTopology: {
        model_config: {
          class_name: 'Sequential',
          config: [
            { class_name: 'TimeDistributed', config: { layer: lstm(stateful) } },
            { class_name: 'Bidirectional', config: { layer: lstm(stateful), backward_layer: lstm(stateful) } },
            { class_name: 'Functional', config: { layers: [lstm(stateful)], input_layers: [['x', 0, 0]] } },
          ],
        },
      },
    });
    expect(withoutMemory(made(true))).toEqual(made(false));
  });
});
