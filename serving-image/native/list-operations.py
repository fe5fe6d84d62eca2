"""Writes modelpack/src/analysis/operations.txt: every operation that TensorFlow knows, and the names of its outputs.

usage: list-operations.py > ../../modelpack/src/analysis/operations.txt    (with the tensorflow-cpu of build.sh installed)

One line for each: `!` behind the name of one that has state, then its outputs. `name:attribute` is a list of tensors, as many as
the attribute says, or as it has types. `name=attribute` has the type that the attribute says, `name=#1` TensorFlow's type 1. What each may do and does with rows is sorted in modelpack/src/analysis/sorted; run
`npm run generate` afterwards, which fails as long as one is not.
"""
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session as session

registry = op_def_pb2.OpList()
registry.ParseFromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
for op in sorted(registry.op, key=lambda op: op.name):
    outputs = []
    for output in op.output_arg:
        several = output.number_attr or output.type_list_attr
        one = output.type_attr or (f'#{output.type}' if output.type else '')
        outputs.append(output.name + (f':{several}' if several else '') + (f'={one}' if one else ''))
    print(' '.join([op.name + ('!' if op.is_stateful else ''), *outputs]))
