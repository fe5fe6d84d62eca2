import { describe, expect, it } from '@jest/globals';
import type { ServedModel } from '../../model/types.ts';
import { modelConfig, modelMetadata, repositoryIndex, serverMetadata } from './metadata.ts';

const model: ServedModel = {
  name: 'digits',
  version: '3',
  format: 'SavedModel',
  engine: 'tensorflow',
  engineReason: 'it was asked for',
  signatures: new Map([
    [
      'serving_default',
      {
        inputs: [{ name: 'image', dtype: 'FP32', shape: [-1, 2] }],
        outputs: [{ name: 'label', dtype: 'BYTES', shape: [-1] }],
      },
    ],
  ]),
  defaultSignature: 'serving_default',
};

describe('metadata', () => {
  it('of a model uses the platform names of the protocol', () => {
    expect(JSON.parse(modelMetadata(model, ['2', '3']))).toEqual({
      name: 'digits',
      versions: ['2', '3'],
      platform: 'tensorflow_savedmodel',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'label', datatype: 'BYTES', shape: [-1] }],
      properties: { engine: 'tensorflow', engine_reason: 'it was asked for' },
    });
  });

  it('of the server names what it does beyond the protocol', () => {
    expect(JSON.parse(serverMetadata('1.2'))).toMatchObject({
      version: '1.2',
      extensions: expect.arrayContaining(['binary_tensor_data', 'classification', 'statistics']),
    });
  });

  it('as Triton’s configuration has its names of types, and no batch dimension where there are batches', () => {
    expect(JSON.parse(modelConfig(model, 0))).toMatchObject({
      name: 'digits',
      max_batch_size: 0,
      input: [{ name: 'image', data_type: 'TYPE_FP32', dims: [-1, 2] }],
      output: [{ name: 'label', data_type: 'TYPE_STRING', dims: [-1] }],
    });
    expect(JSON.parse(modelConfig(model, 32))).toMatchObject({
      max_batch_size: 32,
      input: [{ dims: [2] }],
      output: [{ dims: [] }],
      dynamic_batching: {},
    });
  });

  it('of the repository can be of the ready models alone', () => {
    const entries = [
      { name: 'a', version: '1', state: 'READY', reason: '' },
      { name: 'a', version: '2', state: 'LOADING', reason: '' },
    ];
    expect(JSON.parse(repositoryIndex(entries, false))).toEqual(entries);
    expect(JSON.parse(repositoryIndex(entries, true))).toEqual([entries[0]]);
  });
});
