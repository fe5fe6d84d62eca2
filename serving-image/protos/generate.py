"""Writes src/protocol/proto/descriptors.gen.ts: the messages and services of the gRPC protocols, as they are published.

usage: generate.py [--check] [WHEELS]

Nothing is retyped: the descriptors are taken out of the generated code in the wheels that their publishers have put on
PyPI, pinned by hash in requirements.txt. What is kept of them are the methods this server has, and the messages those
need. --check compares instead of writing. WHEELS is a folder for the wheels (default: ~/.cache/modeldeployment/wheels);
TensorFlow's, of 270 MB, is the one native/build.sh downloads too.
"""
import ast
import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
TARGET = HERE / '../src/protocol/proto/descriptors.gen.ts'

# Services and the methods of them that are served.
METHODS = {
    'inference.GRPCInferenceService': 'ServerLive ServerReady ModelReady ServerMetadata ModelMetadata ModelInfer '
    'ModelStreamInfer ModelConfig ModelStatistics RepositoryIndex '
    'RepositoryModelLoad RepositoryModelUnload',
    'grpc.health.v1.Health': 'Check List Watch',
    'grpc.reflection.v1alpha.ServerReflection': 'ServerReflectionInfo',
    'tensorflow.serving.PredictionService': 'Classify Regress Predict GetModelMetadata',
    'tensorflow.serving.ModelService': 'GetModelStatus',
}
# Messages that no method names: those inside an Any, and those in files.
MESSAGES = ['tensorflow.serving.SignatureDefMap', 'tensorflow.serving.PredictionLog']
# Fields that are not read and need a third of all messages.
LEFT_OUT = {'PredictionLog': 'session_run_log'}
# The first file of each wheel; it names the others.
FILES = {
    'tritonclient': ['tritonclient/grpc/service_pb2.py'],
    'grpcio_health_checking': ['grpc_health/v1/health_pb2.py'],
    'grpcio_reflection': ['grpc_reflection/v1alpha/reflection_pb2.py'],
    'tensorflow_serving_api': [
        f'tensorflow_serving/apis/{name}_pb2.py' for name in ('prediction_service', 'model_service', 'prediction_log')
    ],
}
# Folders in which wheels have files whose names do not tell them, by how the names begin.
FOLDER = {'model_config.proto': 'tritonclient/grpc/', 'xla': 'tensorflow/compiler/'}


def requirements():
    """Wheel file names with their versions and hashes, as requirements.txt pins them."""
    text = (HERE / 'requirements.txt').read_text()
    for name, version, digest in re.findall(r'^([\w-]+)==(\S+) .*?--hash=sha256:(\w+)', text, re.M):
        yield name.replace('-', '_'), version, digest


def download(folder):
    """Opens the pinned wheels, after downloading those that are not in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = {}
    for name, version, digest in requirements():
        find = lambda: next(iter(folder.glob(f'{name}-{version}-*.whl')), None)
        if find() is None:
            line = next(l for l in (HERE / 'requirements.txt').read_text().splitlines() if digest in l)
            request = folder / f'{name}.requirement'
            request.write_text(line)
            subprocess.run(
                [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:',
                 '--require-hashes', '--python-version', '311', '--platform', 'any',
                 '--platform', 'manylinux_2_27_x86_64', '-d', folder, '-r', request], check=True)
            request.unlink()
        wheel = find()
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != digest:
            sys.exit(f'{wheel} is not the published file: its hash is another')
        wheels[name] = wheel
    return wheels


def descriptor_bytes(source):
    """The argument of AddSerializedFile in code that protoc has written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'AddSerializedFile':
            return ast.literal_eval(node.args[0])
    sys.exit('a file without a descriptor')


def read(wheels):
    """All files that FILES need, by the names of their .proto files."""
    from google.protobuf import descriptor_pb2

    archives = [zipfile.ZipFile(wheel) for wheel in wheels.values()]
    files = {}

    def add(path):
        source = next((a.read(path) for a in archives if path in a.namelist()), None)
        if source is None:
            sys.exit(f'{path} is in none of the wheels')
        file = descriptor_pb2.FileDescriptorProto.FromString(descriptor_bytes(source))
        if file.name in files:
            return
        files[file.name] = file
        for needed in file.dependency:
            add(FOLDER.get(needed.partition('/')[0], '') + needed.removesuffix('.proto') + '_pb2.py')

    for paths in FILES.values():
        for path in paths:
            add(path)
    return files


def types_in(message):
    """Full names of the types that the fields of a message have."""
    for field in message.field:
        if field.type_name:
            yield field.type_name.removeprefix('.')
    for nested in message.nested_type:
        yield from types_in(nested)


def without_json_names(message):
    """Some files have the names that follow from the others; readers would take them for the names of the fields."""
    for field in message.field:
        field.ClearField('json_name')
    for nested in message.nested_type:
        without_json_names(nested)


def prune(files):
    """Keeps what METHODS and MESSAGES need, and drops imports that nothing needs any more."""
    owner = {}  # type, also one inside another message -> file and the outermost type it lies in
    for file in files.values():
        for message in file.message_type:
            without_json_names(message)
            kept = [f for f in message.field if f.name != LEFT_OUT.get(message.name)]
            del message.field[:]
            message.field.extend(kept)
        for top in [*file.message_type, *file.enum_type]:
            owner[f'{file.package}.{top.name}'] = (file.name, top.name)

    def outermost(name):
        while name not in owner:
            name = name.rpartition('.')[0]
        return name

    wanted = set()
    queue = list(MESSAGES)
    for file in files.values():
        for service in file.service:
            methods = METHODS.get(f'{file.package}.{service.name}', '').split()
            kept = [m for m in service.method if m.name in methods]
            if len(kept) != len(methods):
                sys.exit(f'{service.name} has not all of {methods}')
            del service.method[:]
            service.method.extend(kept)
            queue += [t.removeprefix('.') for m in kept for t in (m.input_type, m.output_type)]
        served = [s for s in file.service if s.method]
        del file.service[:]
        file.service.extend(served)
    messages = {f'{f.package}.{m.name}': m for f in files.values() for m in f.message_type}
    while queue:
        name = outermost(queue.pop())
        if name in wanted:
            continue
        wanted.add(name)
        if name in messages:
            queue += types_in(messages[name])

    for file in files.values():
        for kind in ('message_type', 'enum_type'):
            field = getattr(file, kind)
            kept = [t for t in field if f'{file.package}.{t.name}' in wanted]
            del field[:]
            field.extend(kept)
        needed = {
            owner[outermost(name)][0]
            for name in [t for m in file.message_type for t in types_in(m)]
            + [t.removeprefix('.') for s in file.service for m in s.method for t in (m.input_type, m.output_type)]
        }
        kept = sorted(needed - {file.name})
        for field in (file.dependency, file.public_dependency, file.weak_dependency):
            del field[:]
        file.dependency.extend(kept)
        file.ClearField('options')
    return {name: f for name, f in files.items() if f.message_type or f.enum_type or f.service}


def in_order(files):
    """Files behind those they import."""
    done = []

    def visit(name):
        if name in done:
            return
        for needed in files[name].dependency:
            visit(needed)
        done.append(name)

    for name in sorted(files):
        visit(name)
    return done


def render(files):
    versions = ', '.join(f'{name.replace("_", "-")} {version}' for name, version, _ in requirements())
    lines = [
        '// Written by protos/generate.py; do not edit.',
        f'// From the wheels of {versions}.',
        '/** Published .proto files in the binary form of descriptor.proto, base64; each behind those it imports. */',
        'export const DESCRIPTORS: readonly string[] = [',
    ]
    for name in in_order(files):
        text = base64.b64encode(files[name].SerializeToString(deterministic=True)).decode()
        lines.append(f'  // {name}')
        lines += [f"  '{text}',"]
    return '\n'.join([*lines, '];', ''])


arguments = [a for a in sys.argv[1:] if a != '--check']
folder = pathlib.Path(arguments[0]) if arguments else pathlib.Path.home() / '.cache/modeldeployment/wheels'
wheels = download(folder)
with tempfile.TemporaryDirectory() as library:
    # Unpacked, because Python imports no package without a file of its own, as google is, from an archive.
    zipfile.ZipFile(wheels['protobuf']).extractall(library)
    sys.path.insert(0, library)
    text = render(prune(read(wheels)))
if '--check' not in sys.argv:
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)
elif TARGET.read_text() != text:
    sys.exit(f'{TARGET.resolve()} is not what the wheels have; run serving-image/protos/generate.py')
