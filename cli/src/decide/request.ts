import { UsageError } from '../errors.ts';

/** A request for an answer of the model, as it is sent. */
export interface PredictRequest {
  /** Below the address of the Service. */
  path: string;
  protocol: 'v2' | 'v1';
  body: string;
}

type Fields = Record<string, unknown>;

/**
 * Reads a body of either protocol: Open Inference v2 when `inputs` is a list of tensors with name, shape and datatype;
 * else TensorFlow Serving v1, with `instances` or `inputs`. A bare list is taken for `instances`.
 *
 * @param text as it is in the file; it is sent as it is, so that no number is rounded on the way.
 */
export function readRequest(text: string, model: string, version: string | undefined): PredictRequest {
  const body = parse(text);
  const place = `${encodeURIComponent(model)}${version === undefined ? '' : `/versions/${encodeURIComponent(version)}`}`;
  if (Array.isArray(body)) {
    return { protocol: 'v1', path: `/v1/models/${place}:predict`, body: `{"instances": ${text}}` };
  }
  const { inputs, instances } = isObject(body) ? body : {};
  if (Array.isArray(inputs) && inputs.length > 0 && inputs.every(isTensor)) {
    return { protocol: 'v2', path: `/v2/models/${place}/infer`, body: text };
  }
  if (instances !== undefined || inputs !== undefined) {
    return { protocol: 'v1', path: `/v1/models/${place}:predict`, body: text };
  }
  throw new UsageError(
    'the request has neither "inputs" nor "instances"; kubectl mdep predict NAME --example prints one to start from',
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the request is not JSON: ${(error as Error).message}`);
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTensor = (value: unknown): boolean => isObject(value) && 'name' in value && 'datatype' in value;

/** What `GET /v2/models/NAME` tells of a model. */
export interface Metadata {
  name: string;
  versions?: string[];
  platform?: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}
interface TensorMetadata {
  name: string;
  datatype: string;
  /** -1 where any size goes. */
  shape: number[];
}

/** A request that the model can answer, of zeros or empty texts, with one row. */
export function exampleOf({ inputs }: Metadata): object {
  return {
    inputs: inputs.map(({ name, datatype, shape }) => {
      const sizes = shape.map((size) => Math.max(1, size));
      const count = sizes.reduce((product, size) => product * size, 1);
      const value = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
      return { name, datatype, shape: sizes, data: Array.from({ length: count }, () => value) };
    }),
  };
}
