import type { Exchange, Sample } from '../forward/exchange.ts';
import { outputsV2 } from '../forward/outputs.ts';
import type { ServedModel, Signature, TensorSpec } from '../model/types.ts';
import { GOLDEN_FILE, readRequests, WARMUP_FILE, type GoldenRequest } from '../model/warmup.ts';
import type { CallKind } from '../protocol/route.ts';
import type { Answer } from './answer.ts';
import type { HttpQuestion } from './exchange.ts';

/**
 * What can be replayed without any client: the golden and warm-up requests of the model's folder, or zeros.
 * @param exchange makes an exchange of a request
 */
export async function samples(
  model: ServedModel,
  directory: string,
  exchange: (question: HttpQuestion) => Exchange<Answer>,
): Promise<Sample[]> {
  const name = encodeURIComponent(model.name);
  const post = (kind: CallKind, protocol: 'v1' | 'v2', url: string, content: object): Exchange<Answer> => {
    const bytes = Buffer.from(JSON.stringify(content));
    const body = { chunks: [bytes], length: bytes.length, jsonLength: undefined };
    const headers = { 'content-type': 'application/json' };
    return exchange({ kind, protocol, url, version: undefined, headers, body });
  };
  const infer = (content: object) => post('v2.infer', 'v2', `/v2/models/${name}/infer`, content);
  const golden = (await readRequests<GoldenRequest>(directory, GOLDEN_FILE)) ?? [];
  const warmup = (await readRequests<object>(directory, WARMUP_FILE)) ?? [];
  const found: Sample[] = [
    ...golden.map(({ outputs, ...request }) => ({
      exchange: infer(request),
      expected: outputsV2({ body: JSON.stringify({ outputs }) }),
    })),
    ...warmup.map((request) => ({ exchange: infer(request) })),
  ];
  if (found.length > 0) return found;
  return [...model.signatures].map(([signature_name, signature]) => ({
    exchange: post('v1.predict', 'v1', `/v1/models/${name}:predict`, { signature_name, inputs: zeros(signature) }),
  }));
}

/** One row of zeros for every input, nested. Version 1 has a form for every type of tensor. */
function zeros({ inputs }: Signature): Record<string, unknown> {
  return Object.fromEntries(inputs.map((spec) => [spec.name, nested(spec)]));
}

function nested({ dtype, shape }: TensorSpec): unknown {
  const zero = dtype === 'BYTES' ? '' : dtype === 'BOOL' ? false : 0;
  return shape.reduceRight<unknown>((inner, size) => Array.from({ length: Math.max(size, 1) }, () => inner), zero);
}
