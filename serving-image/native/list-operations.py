"""Writes src/model/allowed-operations.gen.ts: the TensorFlow operations a SavedModel may use.

usage: list-operations.py WHEEL > ../src/model/allowed-operations.gen.ts

An allow-list, so that an operation nobody has thought of is refused. It is taken from TensorFlow's own grouping of its
operations: groups that only compute are allowed, groups that reach files, sockets, devices or Python are not.
"""
import re
import sys
import zipfile

GROUPS = '''array audio batch bitwise boosted_trees clustering composite_tensor control_flow count ctc cudnn_rnn data_flow
encode_proto functional image linalg list logging lookup manip map math nn optional parsing ragged_array ragged_conversion
ragged_math random random_index_shuffle resource_variable rnn set sparse special_math spectral state stateful_random
stateless_random stateless_random_ops_v2 string training uniform_quant'''.split()

# Every honest SavedModel carries these, to restore its variables.
CHECKPOINT = 'Save SaveSlices SaveV2 Restore RestoreSlice RestoreV2 MergeV2Checkpoints ShardedFilename ShardedFilespec'.split()

REFUSED = {
    'Abort',  # ends the process
    'PrintV2',  # writes to any file
    'InitializeTableFromTextFile',  # reads any file
    'InitializeTableFromTextFileV2',
    'RecordInput',
    'RemoteCall',  # runs on another machine
}

wheel = zipfile.ZipFile(sys.argv[1])
allowed = set(CHECKPOINT)
for group in GROUPS:
    stem = group if '_ops' in group else f'{group}_ops'
    source = wheel.read(f'tensorflow/python/ops/gen_{stem}.py').decode()
    allowed |= set(re.findall(r'(?:_execute\.execute\(b|_apply_op_helper\(\s*)"(\w+)"', source))

print('// Written by native/list-operations.py; do not edit.')
print('export const ALLOWED_OPERATIONS: ReadonlySet<string> = new Set(')
print('  `')
line = ' '
for name in sorted(allowed - REFUSED):
    if len(line) + len(name) + 1 > 120:
        print(line)
        line = ' '
    line += f' {name}'
print(line)
print('  `')
print('    .trim()')
print('    .split(/\\s+/),')
print(');')
