import { describe, expect, it } from '@jest/globals';

import { runError, shortMessage } from './failure.ts';
import { candidates } from './index.ts';
import { RunError } from '../errors.ts';

describe('the engine for a model', () => {
  it.each([
    ['auto', 'SavedModel', true, ['tensorflow']],
    ['auto', 'TFJSGraph', true, ['tensorflow', 'wasm', 'cpu']],
    ['auto', 'TFJSLayers', false, ['wasm', 'cpu']],
    ['wasm', 'TFJSGraph', true, ['wasm']],
    ['cpu', 'TFJSLayers', true, ['cpu']],
  ] as const)('%s for a %s, native library %p: %p', (wanted, format, native, expected) => {
    expect(candidates(wanted, format, native)).toEqual(expected);
  });

  it.each([
    ['wasm', 'SavedModel', true],
    ['auto', 'SavedModel', false],
    ['tensorflow', 'TFJSGraph', false],
  ] as const)('%s for a %s, native library %p is a wrong setting', (wanted, format, native) => {
    expect(() => candidates(wanted, format, native)).toThrow(expect.objectContaining({ reason: 'BadConfiguration' }));
  });
});

describe('an error of an engine', () => {
  it.each([
    [
      'its first line, with the node',
      'Session fail to run with error: indices[1] = 9 is not in [0, 4)\n\t [[{{node rows}}]]',
      'indices[1] = 9 is not in [0, 4)',
    ],
    [
      'names of tensors and variables, which may have slashes',
      'Key sequential/dense_1/kernel/.ATTRIBUTES not found in checkpoint [[{{node save/RestoreV2}}]]',
      'Key sequential/dense_1/kernel/.ATTRIBUTES not found in checkpoint (node save/RestoreV2)',
    ],
    ['no paths', "cannot read '/var/lib/x/y.bin' now", "cannot read '(path)' now"],
    [
      'files of the model',
      'no such file /models/m/1/variables/variables.index',
      'no such file variables/variables.index',
    ],
    ['the cause', 'Invalid TF_Status: 3\nMessage: In[0] ndims must be >= 2', 'In[0] ndims must be >= 2'],
  ])('tells %s', (_, text, told) => expect(shortMessage(new Error(text), '/models/m/1')).toBe(told));

  it('is the fault of the input, unless it is ours', () => {
    expect(runError(new Error('bad shape'))).toBeInstanceOf(RunError);
    expect(runError(new TypeError('undefined is not a function'))).toBeInstanceOf(TypeError);
  });
});
