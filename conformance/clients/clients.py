"""Asks a running server with the clients its users have, unmodified. Prints one line for each check.

usage: clients.py HTTP GRPC ADMIN [PREFIX...]      addresses, each host:port; only checks whose titles begin so

KServe's and Triton's packages define the same messages, and cannot be in one process.

The server has the models dense (x[-1,3] FP32 -> y[-1,2]), text and long (identities x -> y of BYTES and INT64),
classify and regress (half of x plus 3, from Examples).
"""
import asyncio
import inspect
import json
import os
import subprocess
import sys
import time
import traceback
import urllib.request

import numpy as np

HTTP, GRPC, ADMIN, *PREFIXES = sys.argv[1:]
X = np.array([[1, 2, 3], [0, 0, 0]], np.float32)
Y = np.array([[22.5, 27.5], [0.5, -0.5]], np.float32)
CHECKS = []


def check(title):
    def add(function):
        if not PREFIXES or title.startswith(tuple(PREFIXES)):
            CHECKS.append((title, function))
        return function
    return add


def same(answer, expected=Y):
    np.testing.assert_array_equal(np.asarray(answer).reshape(np.asarray(expected).shape), expected)


def refused(status, call, *arguments, **options):
    from tritonclient.utils import InferenceServerException
    try:
        call(*arguments, **options)
    except InferenceServerException as error:
        assert error.status() == status, error
    else:
        raise AssertionError(f'expected {status}')


# tritonclient

def triton(kind):
    import tritonclient.grpc
    import tritonclient.http
    return {'http': (tritonclient.http, HTTP), 'grpc': (tritonclient.grpc, GRPC)}[kind]


def listed(client, kind):
    return client.get_model_repository_index() if kind == 'http' else client.get_model_repository_index(as_json=True)['models']


def triton_input(library, name, array, datatype, **options):
    tensor = library.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, **options)
    return tensor


for kind in ('http', 'grpc'):
    @check(f'tritonclient.{kind}: health and metadata')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready('dense') and client.is_model_ready('dense', '1')
        assert not client.is_model_ready('nobody')
        options = {} if kind == 'http' else {'as_json': True}
        assert client.get_server_metadata(**options)['name'] == 'modeldeployment-server'
        metadata = client.get_model_metadata('dense', **options)
        assert metadata['inputs'][0]['datatype'] == 'FP32' and metadata['versions'] == ['1'], metadata
        config = client.get_model_config('dense', **options)
        config = config if kind == 'http' else config['config']
        assert config['input'][0]['data_type'] == 'TYPE_FP32', config

    @check(f'tritonclient.{kind}: inference')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        result = client.infer('dense', [triton_input(library, 'x', X, 'FP32')], request_id='a', model_version='1')
        same(result.as_numpy('y'))

    @check(f'tritonclient.{kind}: text, and integers beyond 2^53')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        words = np.array([b'', 'größer'.encode(), b'\x00\xff'], np.object_)
        assert list(client.infer('text', [triton_input(library, 'x', words, 'BYTES')]).as_numpy('y')) == list(words)
        longs = np.array([2 ** 62 + 1, -(2 ** 63)], np.int64)
        same(client.infer('long', [triton_input(library, 'x', longs, 'INT64')]).as_numpy('y'), longs)

    @check(f'tritonclient.{kind}: classification')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        outputs = [library.InferRequestedOutput('y', class_count=1)]
        result = client.infer('dense', [triton_input(library, 'x', X, 'FP32')], outputs=outputs)
        assert [row[0] for row in result.as_numpy('y')] == [b'27.5:1', b'0.5:0'], result.as_numpy('y')

    @check(f'tritonclient.{kind}: errors')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        tensors = [triton_input(library, 'x', X, 'FP32')]
        wrong = [triton_input(library, 'x', X[:, :2], 'FP32')]
        missing, invalid = ('404', '400') if kind == 'http' else ('StatusCode.NOT_FOUND', 'StatusCode.INVALID_ARGUMENT')
        refused(missing, client.infer, 'nobody', tensors)
        refused(missing, client.infer, 'dense', tensors, model_version='9')
        refused(invalid, client.infer, 'dense', wrong)

    @check(f'tritonclient.{kind}: statistics and repository index')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        options = {} if kind == 'http' else {'as_json': True}
        stats = client.get_inference_statistics('dense', **options)['model_stats'][0]
        assert int(stats['inference_count']) > 0 and int(stats['inference_stats']['success']['count']) > 0, stats
        names = {entry['name'] for entry in listed(client, kind)}
        assert names == {'dense', 'text', 'long', 'classify', 'regress'}, names

    @check(f'tritonclient.{kind}: models loaded and unloaded')
    def _(kind=kind):
        library, address = triton(kind)
        client = library.InferenceServerClient(address)
        client.load_model('dense')
        client.unload_model('long')
        assert not client.is_model_ready('long') and client.is_server_ready()
        longs = [triton_input(library, 'x', np.array([7], np.int64), 'INT64')]
        missing, invalid = ('404', '400') if kind == 'http' else ('StatusCode.NOT_FOUND', 'StatusCode.INVALID_ARGUMENT')
        for _ in range(100):
            # The order is carried out at once; the workers that answered end when they have nothing left to do.
            if not any(entry['name'] == 'long' and entry.get('state') == 'UNLOADING' for entry in listed(client, kind)):
                break
            time.sleep(0.1)
        refused(missing, client.infer, 'long', longs)
        client.load_model('long')
        same(client.infer('long', longs).as_numpy('y'), [7])
        refused(invalid, client.load_model, 'nobody')
        refused(invalid, client.load_model, 'dense', config='{}')

    @check(f'tritonclient.{kind}: asynchronous calls')
    def _(kind=kind):
        library, address = triton(kind)
        tensors = [triton_input(library, 'x', X, 'FP32')]
        if kind == 'http':
            client = library.InferenceServerClient(address, concurrency=4)
            for pending in [client.async_infer('dense', tensors) for _ in range(20)]:
                same(pending.get_result().as_numpy('y'))
            return
        import queue
        done = queue.Queue()
        client = library.InferenceServerClient(address)
        for _ in range(20):
            client.async_infer('dense', tensors, callback=lambda result, error: done.put((result, error)))
        for _ in range(20):
            result, error = done.get(timeout=10)
            assert error is None, error
            same(result.as_numpy('y'))


@check('tritonclient.http: JSON in, JSON out')
def _():
    import tritonclient.http as library
    client = library.InferenceServerClient(HTTP)
    tensors = [triton_input(library, 'x', X, 'FP32', binary_data=False)]
    outputs = [library.InferRequestedOutput('y', binary_data=False)]
    same(client.infer('dense', tensors, outputs=outputs).as_numpy('y'))


@check('tritonclient.http: compressed bodies')
def _():
    import tritonclient.http as library
    client = library.InferenceServerClient(HTTP)
    for algorithm in ('gzip', 'deflate'):
        result = client.infer('dense', [triton_input(library, 'x', X, 'FP32')], request_compression_algorithm=algorithm,
                              response_compression_algorithm=algorithm)
        same(result.as_numpy('y'))


@check('tritonclient.http: a body that is generated and parsed by hand')
def _():
    import tritonclient.http as library
    body, length = library.InferenceServerClient.generate_request_body([triton_input(library, 'x', X, 'FP32')])
    headers = {'Inference-Header-Content-Length': str(length), 'Content-Type': 'application/octet-stream'}
    request = urllib.request.Request(f'http://{HTTP}/v2/models/dense/infer', body, headers)
    with urllib.request.urlopen(request) as answer:
        size = answer.headers.get('Inference-Header-Content-Length')
        result = library.InferenceServerClient.parse_response_body(answer.read(), header_length=size and int(size))
    same(result.as_numpy('y'))


@check('tritonclient.http.aio')
async def _():
    import tritonclient.http.aio as library
    async with library.InferenceServerClient(HTTP) as client:
        assert await client.is_server_ready()
        tensor = library.InferInput('x', list(X.shape), 'FP32')
        tensor.set_data_from_numpy(X)
        results = await asyncio.gather(*(client.infer('dense', [tensor]) for _ in range(20)))
        for result in results:
            same(result.as_numpy('y'))


@check('tritonclient.grpc.aio')
async def _():
    import tritonclient.grpc.aio as library
    async with library.InferenceServerClient(GRPC) as client:
        assert await client.is_server_ready()
        tensor = library.InferInput('x', list(X.shape), 'FP32')
        tensor.set_data_from_numpy(X)
        results = await asyncio.gather(*(client.infer('dense', [tensor]) for _ in range(20)))
        for result in results:
            same(result.as_numpy('y'))


@check('tritonclient.grpc: compressed messages')
def _():
    import tritonclient.grpc as library
    client = library.InferenceServerClient(GRPC)
    for algorithm in ('gzip', 'deflate'):
        same(client.infer('dense', [triton_input(library, 'x', X, 'FP32')], compression_algorithm=algorithm).as_numpy('y'))


@check('tritonclient.grpc: a stream')
def _():
    import queue
    import tritonclient.grpc as library
    done = queue.Queue()
    client = library.InferenceServerClient(GRPC)
    client.start_stream(callback=lambda result, error: done.put((result, error)))
    for model in ('dense', 'nobody'):
        client.async_stream_infer(model, [triton_input(library, 'x', X, 'FP32')])
    answers = [done.get(timeout=10) for _ in range(2)]
    client.stop_stream()
    same(next(result for result, error in answers if error is None).as_numpy('y'))
    assert any(error is not None and 'nobody' in str(error) for _, error in answers), answers


@check('tritonclient.grpc: a deadline')
def _():
    import tritonclient.grpc as library
    client = library.InferenceServerClient(GRPC)
    same(client.infer('dense', [triton_input(library, 'x', X, 'FP32')], client_timeout=10).as_numpy('y'))


# KServe

@check('kserve.InferenceRESTClient: version 2')
async def _():
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    for binary in (False, True):
        client = InferenceRESTClient(RESTConfig(protocol='v2'))
        url = f'http://{HTTP}'
        assert await client.is_server_live(url) and await client.is_server_ready(url)
        assert await client.is_model_ready(url, 'dense')
        tensor = InferInput('x', list(X.shape), 'FP32')
        tensor.set_data_from_numpy(X, binary_data=binary)
        answer = await client.infer(url, InferRequest('dense', [tensor], request_id='a'), model_name='dense')
        assert answer.id == 'a'
        same(answer.outputs[0].as_numpy())


@check('kserve.InferenceRESTClient: version 1')
async def _():
    from kserve import InferenceRESTClient, RESTConfig
    client = InferenceRESTClient(RESTConfig(protocol='v1'))
    answer = await client.infer(f'http://{HTTP}', {'instances': X.tolist()}, model_name='dense')
    same(answer['predictions'])


@check('kserve.InferenceGRPCClient')
async def _():
    from kserve import InferenceGRPCClient, InferInput, InferRequest
    client = InferenceGRPCClient(GRPC)
    assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready('dense')
    for binary in (False, True):
        tensor = InferInput('x', list(X.shape), 'FP32')
        tensor.set_data_from_numpy(X, binary_data=binary)
        answer = await client.infer(InferRequest('dense', [tensor], request_id='a'))
        assert answer.id == 'a'
        same(answer.outputs[0].as_numpy())
    await client.close()


# tensorflow-serving-api

def tfs():
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
    channel = grpc.insecure_channel(GRPC)
    return tf, prediction_service_pb2_grpc.PredictionServiceStub(channel), model_service_pb2_grpc.ModelServiceStub(channel)


@check('tensorflow-serving-api: Predict')
def _():
    from tensorflow_serving.apis import predict_pb2
    tf, stub, _ = tfs()
    for name, value, expected in (('dense', X, Y), ('text', np.array([b'a', b'']), None), ('long', np.array([2 ** 62 + 1]), None)):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = 'serving_default'
        request.inputs['x'].CopyFrom(tf.make_tensor_proto(value))
        answer = stub.Predict(request, 10)
        assert answer.model_spec.version.value == 1
        assert (tf.make_ndarray(answer.outputs['y']) == (value if expected is None else expected)).all(), answer
    request = predict_pb2.PredictRequest()
    request.model_spec.name = 'dense'
    request.inputs['x'].CopyFrom(tf.make_tensor_proto(X))
    assert list(stub.Predict(request, 10).outputs['y'].float_val) == list(Y.flatten())


@check('tensorflow-serving-api: Classify and Regress')
def _():
    from tensorflow_serving.apis import classification_pb2, regression_pb2
    tf, stub, _ = tfs()
    example = tf.train.Example(features=tf.train.Features(feature={
        'x': tf.train.Feature(float_list=tf.train.FloatList(value=[2.0]))}))
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = 'regress'
    request.input.example_list.examples.append(example)
    assert [row.value for row in stub.Regress(request, 10).result.regressions] == [4.0]
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = 'classify'
    request.input.example_list.examples.append(example)
    rows = stub.Classify(request, 10).result.classifications
    assert [[c.score for c in row.classes] for row in rows] == [[4.0]], rows


@check('tensorflow-serving-api: GetModelMetadata and GetModelStatus')
def _():
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
    _, stub, models = tfs()
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = 'dense'
    request.metadata_field.append('signature_def')
    answer = stub.GetModelMetadata(request, 10)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata['signature_def'].Unpack(signatures)
    dims = [dim.size for dim in signatures.signature_def['serving_default'].inputs['x'].tensor_shape.dim]
    assert dims == [-1, 3], dims
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = 'dense'
    [version] = models.GetModelStatus(request, 10).model_version_status
    assert (version.version, version.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)


@check('tensorflow-serving-api: errors')
def _():
    import grpc
    from tensorflow_serving.apis import predict_pb2
    tf, stub, _ = tfs()
    request = predict_pb2.PredictRequest()
    for name, value, code in (('nobody', X, grpc.StatusCode.NOT_FOUND), ('dense', X[:, :2], grpc.StatusCode.INVALID_ARGUMENT)):
        request.model_spec.name = name
        request.inputs['x'].CopyFrom(tf.make_tensor_proto(value))
        try:
            stub.Predict(request, 10)
        except grpc.RpcError as error:
            assert error.code() == code, error
        else:
            raise AssertionError(f'expected {code}')


# The standard services

@check('grpcio-health-checking: Check and Watch')
def _():
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(GRPC))
    for service in ('', 'inference.GRPCInferenceService'):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == 1
    assert next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)).status == 1


@check('grpcio-reflection: a client that knows no message')
def _():
    import grpc
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    channel = grpc.insecure_channel(GRPC)
    database = ProtoReflectionDescriptorDatabase(channel)
    assert 'inference.GRPCInferenceService' in database.get_services()
    pool = DescriptorPool(database)
    method = pool.FindServiceByName('inference.GRPCInferenceService').FindMethodByName('ServerReady')
    answer = channel.unary_unary(
        '/inference.GRPCInferenceService/ServerReady',
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )(GetMessageClass(method.input_type)(), timeout=10)
    assert answer.ready


# curl and Prometheus

def curl(*arguments):
    return subprocess.run(['curl', '-sS', '--max-time', '10', *arguments], check=True, capture_output=True, text=True).stdout


@check('curl, as the documents of TensorFlow Serving have it')
def _():
    url = f'http://{HTTP}/v1/models/dense:predict'
    same(json.loads(curl('-d', json.dumps({'instances': X.tolist()}), url))['predictions'])


@check('curl, as the documents of KServe have it')
def _():
    body = {'inputs': [{'name': 'x', 'shape': list(X.shape), 'datatype': 'FP32', 'data': X.tolist()}]}
    url = f'http://{HTTP}/v2/models/dense/infer'
    answer = json.loads(curl('-H', 'Content-Type: application/json', '-d', json.dumps(body), url))
    same(answer['outputs'][0]['data'])


@check('Prometheus: every page of metrics can be read')
def _():
    from prometheus_client.parser import text_string_to_metric_families
    for page in ('/metrics', '/metrics/triton', '/metrics/all'):
        text = curl(f'http://{ADMIN}{page}')
        assert len(list(text_string_to_metric_families(text))) > 5, text


failed = 0
for title, function in CHECKS:
    try:
        if inspect.iscoroutinefunction(function):
            asyncio.run(asyncio.wait_for(function(), 30))
        else:
            function()
        print(f'ok    {title}', flush=True)
    except Exception:
        failed += 1
        print(f'FAIL  {title}', flush=True)
        traceback.print_exc(limit=-6)
print(f'{len(CHECKS) - failed} passed, {failed} failed', flush=True)
# Threads of gRPC channels need not be waited for.
os._exit(1 if failed else 0)
