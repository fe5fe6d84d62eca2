/** Requests of the soak, as bytes. */
import { bytesOf } from '../load/index.ts';
import type { Case, Request } from '../../conformance/protocol/case.ts';
import { MODEL } from '../../conformance/protocol/models.ts';
import { DENSE, tensor } from '../../conformance/protocol/subject.ts';
import { predict } from '../../conformance/protocol/v1/build.ts';
import { casesV1 } from '../../conformance/protocol/v1/index.ts';
import { binary, infer } from '../../conformance/protocol/v2/build.ts';
import { casesV2 } from '../../conformance/protocol/v2/index.ts';

export interface SoakRequest {
  title: string;
  bytes: Buffer;
}

/** The larger ones are about limits, and would only take time. */
const LONGEST = 20_000;

const soakRequest = (title: string, { method, path, headers = {}, body = '' }: Request): SoakRequest => ({
  title,
  bytes: bytesOf({ method, path, headers, body: Buffer.from(body) }),
});

export function goodRequests(): SoakRequest[] {
  const rows = Array.from({ length: 32 }, (_, i) => [i, i / 2, -i]);
  const [x] = DENSE.inputs.map((spec) => tensor(spec, 8));
  const { data = [], ...input } = x ?? { data: [] };
  const blob = Buffer.from(Float32Array.from(data as number[]).buffer);
  const ids = [{ name: 'ids', shape: [2], datatype: 'INT64', data: [0, 3] }];
  return [
    soakRequest('v1 row', predict({ instances: [[1, 2, 3]] })),
    soakRequest('v1 rows', predict({ instances: rows })),
    soakRequest('v2', infer(MODEL.dense, { inputs: [x] })),
    soakRequest(
      'binary',
      binary(MODEL.dense, { inputs: [{ ...input, parameters: { binary_data_size: blob.length } }] }, [blob]),
    ),
    soakRequest('lookup', infer(MODEL.lookup, { inputs: ids })),
  ];
}

const isRefused = ({ expect: { status = [200] } }: Case): boolean => !status.some((code) => code < 400);

export function badRequests(): SoakRequest[] {
  const suite = [...casesV1('1'), ...casesV2(DENSE, {})].flatMap((one) => {
    const { request, title, model = MODEL.dense } = one;
    const known = model === MODEL.dense || model === MODEL.lookup;
    return known && !('raw' in request) && isRefused(one) ? [soakRequest(title, request)] : [];
  });
  const refused = [4, -1, 1e9].map((id) =>
    soakRequest(
      `lookup of ${id}`,
      infer(MODEL.lookup, { inputs: [{ name: 'ids', shape: [1], datatype: 'INT64', data: [id] }] }),
    ),
  );
  return [...suite, ...refused].filter(({ bytes }) => bytes.length <= LONGEST);
}
