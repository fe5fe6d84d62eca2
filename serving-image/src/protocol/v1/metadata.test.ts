import { describe, expect, it } from '@jest/globals';
import type { ServedModel } from '../../model/types.ts';
import { modelMetadata, modelStatus, servableNotFound, statusNotFound } from './metadata.ts';

const model: ServedModel = {
  name: 'half',
  version: '123',
  format: 'SavedModel',
  engine: 'tensorflow',
  engineReason: 'it was asked for',
  signatures: new Map([
    [
      'serving_default',
      {
        inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 1], node: 'x:0' }],
        outputs: [{ name: 'y', dtype: 'INT64', shape: [-1], unknownRank: true, node: 'y:0' }],
        method: 'tensorflow/serving/predict',
      },
    ],
  ]),
  defaultSignature: 'serving_default',
};

describe('status and metadata', () => {
  it('of a model are laid out as TensorFlow Serving prints them', () => {
    expect(modelMetadata(model)).toBe(`{
"model_spec":{
 "name": "half",
 "signature_name": "",
 "version": "123"
}
,
"metadata": {"signature_def": {
 "signature_def": {
  "serving_default": {
   "inputs": {
    "x": {
     "dtype": "DT_FLOAT",
     "tensor_shape": {
      "dim": [
       {
        "size": "-1",
        "name": ""
       },
       {
        "size": "1",
        "name": ""
       }
      ],
      "unknown_rank": false
     },
     "name": "x:0"
    }
   },
   "outputs": {
    "y": {
     "dtype": "DT_INT64",
     "tensor_shape": {
      "dim": [],
      "unknown_rank": true
     },
     "name": "y:0"
    }
   },
   "method_name": "tensorflow/serving/predict",
   "defaults": {}
  }
 }
}
}
}
`);
  });

  it('tell the state of all versions', () => {
    const status = modelStatus([
      { name: 'half', version: '123', state: 'READY', reason: '' },
      { name: 'half', version: '124', state: 'UNAVAILABLE', reason: 'damaged' },
    ]);
    expect(JSON.parse(status)).toEqual({
      model_version_status: [
        { version: '123', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
        { version: '124', state: 'END', status: { error_code: 'UNKNOWN', error_message: 'damaged' } },
      ],
    });
    expect(status.split('\n').slice(0, 4)).toEqual(['{', ' "model_version_status": [', '  {', '   "version": "123",']);
  });

  it('tell an unknown model in its words', () => {
    expect(servableNotFound({ model: 'half' }).message).toBe('Servable not found for request: Latest(half)');
    expect(servableNotFound({ model: 'half', version: '7' }).message).toBe(
      'Servable not found for request: Specific(half, 7)',
    );
    expect(servableNotFound({ model: 'half', label: 'x' })).toMatchObject({
      status: 400,
      message: 'Unrecognized servable version label: "x"',
    });
    expect(statusNotFound({ model: 'half' }).message).toBe('Could not find any versions of model half');
  });
});
