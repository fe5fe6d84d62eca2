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
  it('is told without TensorFlow’s nodes, further lines and paths', () => {
    const error = new Error('Session fail to run with error: indices[1] = 9 is not in [0, 4)\n\t [[{{node rows}}]]');
    expect(shortMessage(error)).toBe('indices[1] = 9 is not in [0, 4)');
    expect(shortMessage(new Error('cannot read /var/lib/x/y.bin now'))).toBe('cannot read (path) now');
  });

  it('is the fault of the input, unless it is ours', () => {
    expect(runError(new Error('bad shape'))).toBeInstanceOf(RunError);
    expect(runError(new TypeError('undefined is not a function'))).toBeInstanceOf(TypeError);
  });
});
