import { describe, expect, it } from '@jest/globals';
import { refusedOperations } from './repository.ts';

describe('the operations of a SavedModel', () => {
  it.each([
    'ReadFile',
    'WriteFile',
    'MatchingFiles',
    'PyFunc',
    'EagerPyFunc',
    'PrintV2',
    'DebugIdentityV3',
    'TFRecordDataset',
    'Recv',
    'Abort',
    'InitializeTableFromTextFileV2',
    'MadeUp',
  ])('may not be %s', (operation) => {
    expect(refusedOperations({ format: 'SavedModel', operations: ['MatMul', operation] })).toEqual([operation]);
  });

  it('may be what every honest model has', () => {
    const operations = [
      'NoOp',
      'Placeholder',
      'Const',
      'MatMul',
      'StatefulPartitionedCall',
      'VarHandleOp',
      'ReadVariableOp',
      'SaveV2',
      'RestoreV2',
      'MergeV2Checkpoints',
      'ShardedFilename',
      'CudnnRNNV3',
      'If',
      'While',
      'TensorListSetItem',
      'Identity',
      'Pack',
      'StringJoin',
      'LookupTableFindV2',
    ];
    expect(refusedOperations({ format: 'SavedModel', operations })).toEqual([]);
  });

  it('matter only where a graph is a program: TensorFlow.js has no operation that reaches out', () => {
    expect(refusedOperations({ format: 'TFJSGraph', operations: ['ReadFile'] })).toEqual([]);
  });
});
