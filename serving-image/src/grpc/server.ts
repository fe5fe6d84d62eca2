/** The gRPC server of a worker: which services there are, and how their calls begin and end. */
import {
  Server,
  ServerCredentials,
  type ConnectionInjector,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { InferRequest } from '../protocol/proto/infer.ts';
import { decode } from '../protocol/proto/wire.ts';
import { RestBridge, type Method, type Respond } from './rest-bridge.ts';
import { definitionOf, requestType } from './service-definition.ts';
import { guard, type GuardSettings } from './guard.ts';
import { Health } from './health.ts';
import { INFERENCE, infer } from './inference.ts';
import { MODEL, PREDICTION } from './prediction.ts';
import { reflect, type ReflectionRequest } from './reflection.ts';
import { statusOf } from './status.ts';
import { Stream } from './stream.ts';

export interface GrpcSettings extends GuardSettings {
  respond: Respond;
  draining: () => boolean;
}

/** How often a silent connection is asked whether its client is still there, and how long it may take to say so, in milliseconds. */
const KEEPALIVE_MS = 300_000;
const KEEPALIVE_PATIENCE_MS = 20_000;

/** What the library holds of one connection, in answers of the largest size: more calls are refused then. */
const SESSION_ANSWERS = 2;
/** What a message may take as objects, in messages of the largest size. */
const OBJECTS = 2;

const INFERENCE_SERVICE = 'inference.GRPCInferenceService';
const PREDICTION_SERVICE = 'tensorflow.serving.PredictionService';
const MODEL_SERVICE = 'tensorflow.serving.ModelService';
const HEALTH_SERVICE = 'grpc.health.v1.Health';
const REFLECTION_SERVICE = 'grpc.reflection.v1alpha.ServerReflection';
/** The same messages under their newer name. */
const REFLECTION_V1 = 'grpc.reflection.v1.ServerReflection';
const SERVICES = [INFERENCE_SERVICE, PREDICTION_SERVICE, MODEL_SERVICE, HEALTH_SERVICE, REFLECTION_SERVICE];

type Duplex = ServerDuplexStream<Buffer, object>;

export class GrpcServer {
  readonly #server: Server;
  readonly #health: Health;
  /** Streams that their clients may leave open for as long as they like. */
  readonly #streams = new Set<{ end(): void }>();
  #ending = false;

  constructor(private readonly settings: GrpcSettings) {
    const { admission, draining } = settings;
    const { limits } = admission;
    this.#server = new Server({
      'grpc.max_receive_message_length': limits.bodyBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': limits.requests,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_PATIENCE_MS,
      'grpc.enable_channelz': 0,
      'grpc-node.max_session_memory': Math.ceil((SESSION_ANSWERS * limits.answerBytes) / 2 ** 20),
      interceptors: [guard(settings)],
    });
    const watched = (call: { request: unknown }) =>
      this.#read(HEALTH_SERVICE, 'Watch', call.request) as { service: string };
    this.#health = new Health(SERVICES, draining, watched);
    const server = this.#server;
    server.addService(definitionOf(INFERENCE_SERVICE), {
      ...this.#unary(INFERENCE_SERVICE, INFERENCE, 'v2'),
      ModelStreamInfer: (call: Duplex) => this.#inferStream(call),
    });
    server.addService(definitionOf(PREDICTION_SERVICE), this.#unary(PREDICTION_SERVICE, PREDICTION, 'v1'));
    server.addService(definitionOf(MODEL_SERVICE), this.#unary(MODEL_SERVICE, MODEL, 'v1'));
    const { methods, streams } = this.#health;
    server.addService(definitionOf(HEALTH_SERVICE), { ...this.#unary(HEALTH_SERVICE, methods, 'v2'), ...streams });
    const reflection = { ServerReflectionInfo: (call: Duplex) => this.#reflection(call) };
    server.addService(definitionOf(REFLECTION_SERVICE), reflection);
    server.addService(definitionOf(REFLECTION_V1, REFLECTION_SERVICE), reflection);
  }

  /** For one connection: what comes over it is to be given to this. */
  injector(): ConnectionInjector {
    return this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** To be called when the server begins to drain. */
  drain(): void {
    this.#health.changed();
  }

  /** Ends the streams that would otherwise stay open for ever, each when what it was asked is answered. */
  end(): void {
    this.#ending = true;
    this.#health.end();
    for (const stream of this.#streams) stream.end();
  }

  /** A message, from the bytes that the library gives. @throws RequestError 413, 500 */
  #read(service: string, name: string, bytes: unknown): object {
    const { bodyBytes } = this.settings.admission.limits;
    return decode(requestType(service, name), bytes as Buffer, OBJECTS * bodyBytes);
  }

  #unary(
    service: string,
    methods: Readonly<Record<string, Method>>,
    protocol: 'v1' | 'v2',
  ): UntypedServiceImplementation {
    const implement =
      (name: string, answer: Method) => (call: ServerUnaryCall<Buffer, object>, done: sendUnaryData<object>) => {
        const bridge = new RestBridge(this.settings.respond, call, protocol);
        // What a method throws at once is answered as well.
        void Promise.resolve()
          .then(() => answer(this.#read(service, name, call.request), bridge))
          .then(
            (response) => done(null, response),
            (error: unknown) => done(statusOf(error, this.settings.log)),
          );
      };
    return Object.fromEntries(Object.entries(methods).map(([name, answer]) => [name, implement(name, answer)]));
  }

  /** Triton's stream: each request is answered by itself, in the order in which they come to an end. */
  #inferStream(call: Duplex): void {
    const bridge = new RestBridge(this.settings.respond, call, 'v2');
    this.#stream(call, async (bytes) => {
      let id = '';
      try {
        const request = this.#read(INFERENCE_SERVICE, 'ModelInfer', bytes) as InferRequest;
        id = request.id;
        return { infer_response: await infer(request, bridge) };
      } catch (error) {
        return { error_message: statusOf(error, this.settings.log).details, infer_response: { id } };
      }
    });
  }

  #reflection(call: Duplex): void {
    this.#stream(call, (bytes) => {
      const request = this.#read(REFLECTION_SERVICE, 'ServerReflectionInfo', bytes) as ReflectionRequest;
      return Promise.resolve(reflect(request, SERVICES));
    });
  }

  #stream(call: Duplex, answer: (bytes: Buffer) => Promise<object>): void {
    const stream = new Stream(call, answer, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    if (this.#ending) stream.end();
  }
}
