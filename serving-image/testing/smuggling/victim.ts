/** A client whose connection is kept, and who knows what each of its answers must be. Test code only. */
import { connect, type Socket } from 'node:net';
import { Rpc, V2 } from '../grpc.ts';
import { inference } from './requests.ts';

/** `own`: what was asked for; `mixed`: the answer to another question; `lost`: none, or a refusal. */
export type Verdict = 'own' | 'mixed' | 'lost';

export interface Victim {
  /** Asks the model of this name, of which all weights are known. */
  ask(model: string): Promise<Verdict>;
  close(): void;
}

/** What no two questions share. */
export const CANARY = 'canary-';
let turn = 0;

interface Question {
  id: string;
  first: number;
}
const next = (): Question => ({ id: `${CANARY}${++turn}.`, first: turn % 4096 });
/** Of the model in testing/models.ts: y = x · W + b. */
const expected = (first: number): number[] => [first + 0.5, 2 * first - 0.5];

const judge = (question: Question, model: string, answer: { id?: unknown; model?: unknown; data: unknown }): Verdict =>
  answer.id === question.id &&
  answer.model === model &&
  JSON.stringify(answer.data) === JSON.stringify(expected(question.first))
    ? 'own'
    : 'mixed';

const PATIENCE_MS = 10_000;

/** Over HTTP/1.1, read byte by byte: whatever follows an answer is somebody else's. */
export class HttpVictim implements Victim {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #closed = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  async ask(model: string): Promise<Verdict> {
    const question = next();
    const body = inference(question.id, question.first);
    this.#socket.write(
      `POST /v2/models/${model}/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    const answer = await this.#answer();
    if (answer === undefined) return 'lost';
    if (this.#received.length > 0) return 'mixed';
    return answer.status === 200 ? judge(question, model, read(answer.body)) : 'lost';
  }

  close(): void {
    this.#socket.destroy();
  }

  async #answer(): Promise<{ status: number; body: string } | undefined> {
    const timer = setTimeout(() => this.#socket.destroy(), PATIENCE_MS);
    try {
      for (;;) {
        const end = this.#received.indexOf('\r\n\r\n');
        const head = end < 0 ? '' : this.#received.toString('latin1', 0, end);
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        if (end >= 0 && this.#received.length >= end + 4 + length) {
          const body = this.#received.toString('utf8', end + 4, end + 4 + length);
          this.#received = this.#received.subarray(end + 4 + length);
          return { status: Number(head.slice(9, 12)), body };
        }
        if (this.#closed) return undefined;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function read(body: string) {
  try {
    const {
      id,
      model_name: model,
      outputs,
    } = JSON.parse(body) as {
      id?: string;
      model_name?: string;
      outputs?: { data: unknown }[];
    };
    return { id, model, data: outputs?.[0]?.data };
  } catch {
    return { data: undefined };
  }
}

/** Over gRPC. */
export class GrpcVictim implements Victim {
  readonly #rpc: Rpc;

  constructor(address: string) {
    this.#rpc = new Rpc(address);
  }

  async ask(model: string): Promise<Verdict> {
    const question = next();
    const answer = await this.#rpc.call(V2, 'ModelInfer', inferenceMessage(model, question.id, question.first));
    if ('code' in answer) return 'lost';
    const {
      id,
      model_name: name,
      raw_output_contents: raw,
    } = answer as {
      id?: string;
      model_name?: string;
      raw_output_contents?: Uint8Array[];
    };
    const bytes = Buffer.from(raw?.[0] ?? []);
    const data = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    return judge(question, model, { id, model: name, data });
  }

  close(): void {
    this.#rpc.close();
  }
}

export const inferenceMessage = (model: string, id: string, first: number): object => ({
  model_name: model,
  id,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3] }],
  raw_input_contents: [new Uint8Array(Float32Array.of(first, 0, 0).buffer)],
});
