/**
 * The models that cases ask for by name. A server may have them under any engine; cases whose model it lacks are skipped.
 *
 * | model    | inputs                                     | outputs                                                |
 * |----------|--------------------------------------------|--------------------------------------------------------|
 * | `dense`  | `x` FP32 [-1, 3]                           | `y` FP32 [-1, 2] = x · [[1, 2], [3, 4], [5, 6]] + [0.5, -0.5] |
 * | `types`  | one for each datatype, [-1]: `bool`, `uint8` … | the same under `out_bool`, `out_uint8` …              |
 * | `half`   | `x` FP16 [-1]                              | `y` FP16 [-1] = x                                      |
 * | `lookup` | `ids` INT64 [-1], from 0 to 3              | `rows` FP32 [-1, 2] = [10 · id, 10 · id + 1]           |
 * | `regress`, `classify` | `inputs` BYTES [-1]: serialized examples with a float `x` | 0.5 · x + 3, as TensorFlow Serving's |
 */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP32',
  'FP64',
  'BYTES',
] as const;
export type SuiteType = (typeof DATATYPES)[number];

export const MODEL = {
  dense: 'dense',
  types: 'types',
  half: 'half',
  lookup: 'lookup',
  regress: 'regress',
  classify: 'classify',
} as const;

/** Input of `types` for a datatype. */
export const inputOf = (type: SuiteType): string => type.toLowerCase();
export const outputOf = (type: SuiteType): string => `out_${inputOf(type)}`;

/** What `dense` answers to rows of three. */
export const dense = (...rows: readonly (readonly [number, number, number])[]): number[] =>
  rows.flatMap(([a, b, c]) => [a + 3 * b + 5 * c + 0.5, 2 * a + 4 * b + 6 * c - 0.5]);
