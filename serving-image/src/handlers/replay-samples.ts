import type { TrialRequest, Sample } from '../trial/trial-request.ts';
import type { Output } from '../trial/outputs.ts';
import { outputsV2 } from '../trial/outputs.ts';
import { mayBeTried } from '../model/served.ts';
import type { Judgement, ServedModel, Signature, TensorSpec } from '../model/types.ts';
import { GOLDEN_FILE, WARMUP_FILE, written, type WarmupRequest } from '../loading/own-requests.ts';

import type { HttpQuestion } from './forwardable-request.ts';
import type { ApiResponse } from './response.ts';

/**
 * What can be replayed without any client: the golden and warm-up requests of the model's folder, or zeros. Nothing that would
 * change what clients are answered later.
 * @param trialRequest makes an exchange of a request
 */
export async function samples(
  { model, directory, judged }: { model: ServedModel; directory: string; judged: ReadonlyMap<string, Judgement> },
  trialRequest: (question: HttpQuestion) => TrialRequest<ApiResponse>,
): Promise<Sample[]> {
  const name = encodeURIComponent(model.name);
  const make = ({ protocol, body: content }: NonNullable<WarmupRequest['request']>): TrialRequest<ApiResponse> => {
    const bytes = Buffer.from(JSON.stringify(content));
    const [kind, url] =
      protocol === 'v1'
        ? (['v1.predict', `/v1/models/${name}:predict`] as const)
        : (['v2.infer', `/v2/models/${name}/infer`] as const);
    const body = { chunks: [bytes], length: bytes.length, jsonLength: undefined };
    const headers = { 'content-type': 'application/json' };
    return trialRequest({ kind, protocol, entrypoint: 'REST', url, version: undefined, peer: '', headers, body });
  };
  const requests = [
    ...(await written(directory, GOLDEN_FILE, model)),
    ...(await written(directory, WARMUP_FILE, model)),
  ];
  const found = requests.flatMap(({ request, expected, signature }) => {
    if (!request || !mayBeTried(judged, signature)) return [];
    const outputs = expected && expectedOutputs(request, expected.outputs, model.signatures.get(signature));
    return [{ trialRequest: make(request), ...(outputs && { expected: { outputs, tolerance: expected.tolerance } }) }];
  });
  if (found.length > 0) return found;
  const tried = [...model.signatures].filter(([signature]) => mayBeTried(judged, signature));
  return tried.map(([signature_name, signature]) => ({
    trialRequest: make({ protocol: 'v1', body: { signature_name, inputs: zeros(signature) } }),
  }));
}

/** An answer of version 1 does not name the output of a model that has but one. */
function expectedOutputs(
  { protocol, body }: NonNullable<WarmupRequest['request']>,
  outputs: NonNullable<WarmupRequest['expected']>['outputs'],
  signature: Signature | undefined,
): Output[] {
  const expected = outputsV2({ body: JSON.stringify({ outputs }) });
  if (protocol === 'v2' || signature?.outputs.length !== 1) return expected;
  return expected.map(({ values }) => ({ name: 'instances' in body ? 'predictions' : 'outputs', values }));
}

/** One row of zeros for every input, nested. Version 1 has a form for every type of tensor. */
function zeros({ inputs }: Signature): Record<string, unknown> {
  return Object.fromEntries(inputs.map((spec) => [spec.name, nested(spec)]));
}

function nested({ dtype, shape }: TensorSpec): unknown {
  const zero = dtype === 'BYTES' ? '' : dtype === 'BOOL' ? false : 0;
  return shape.reduceRight<unknown>((inner, size) => Array.from({ length: Math.max(size, 1) }, () => inner), zero);
}
