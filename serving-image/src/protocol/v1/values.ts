/** The two forms of a predict request's tensors: rows under `instances`, columns under `inputs`. */
import type { Signature, Tensor, TensorSpec } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';
import { Byte } from '../json/byte.ts';
import type { Column } from '../json/column.ts';
import { columnFor } from '../json/columns.ts';
import { rankAt, readNested } from '../json/nested.ts';
import type { Scanner } from '../json/scanner.ts';

/** Reads the value of `instances`. @throws RequestError 400, 413 */
export function readInstances(scan: Scanner, signature: Signature): Tensor[] {
  if (scan.peek() !== Byte.OpenList) throw badRequest("'instances' is not a list");
  const start = scan.at;
  if (!scan.firstItem()) throw badRequest("'instances' is an empty list");
  if (isNamed(scan, signature)) return readNamedRows(scan, signature);
  const [only] = signature.inputs;
  if (!only || signature.inputs.length > 1) throw severalInputs("'instances' is a plain list", signature);
  scan.at = start;
  return [readWhole(scan, only, "'instances'")];
}

/** The rows of `instances`, of which the `[` is taken, each an object of named inputs. */
function readNamedRows(scan: Scanner, signature: Signature): Tensor[] {
  const columns: Column[] = [];
  let rows = 0;
  for (let more = true; more; more = scan.nextItem()) {
    const where = `Failed to process element: ${rows++} of 'instances' list.`;
    readNamed(scan, signature, where, 'refused', (place, spec) => {
      const column = (columns[place] ??= rowColumn(scan, spec));
      readNested(scan, column, 1);
    });
  }
  return columns.map((column) => {
    const size = column.shape[0] ?? 0;
    if (size >= 0 && size !== rows) throw column.wrongLength(rows, size);
    column.shape[0] = rows;
    return tensorOf(column);
  });
}

/** For the values of `spec` in rows, of which the first follows. */
function rowColumn(scan: Scanner, spec: TensorSpec): Column {
  const shape = spec.unknownRank ? [-1, ...freeShape(scan)] : [...spec.shape];
  if (shape.length > 0) return columnFor(spec, `'instances' input ${quote(spec.name)}`, shape);
  throw badRequest(`input ${quote(spec.name)} has no batch dimension; use 'inputs' instead of 'instances'`);
}

/** The shape of what follows, as far as it shows at its begin: the number of dimensions. */
const freeShape = (scan: Scanner) => Array.from({ length: rankAt(scan) }, () => -1);

/** Reads the value of `inputs`. @throws RequestError 400, 413 */
export function readColumns(scan: Scanner, signature: Signature): Tensor[] {
  if (isNamed(scan, signature)) {
    const tensors: Tensor[] = [];
    readNamed(scan, signature, "'inputs':", 'ignored', (place, spec) => {
      tensors[place] = readWhole(scan, spec, `'inputs' ${quote(spec.name)}`);
    });
    return tensors;
  }
  const [only] = signature.inputs;
  if (only && signature.inputs.length === 1) return [readWhole(scan, only, "'inputs'")];
  throw severalInputs("'inputs' is a plain value", signature);
}

/** Whether an object follows that names the inputs: not one BYTES value written as `{"b64": …}`. */
function isNamed(scan: Scanner, signature: Signature): boolean {
  if (scan.peek() !== Byte.OpenObject) return false;
  const start = scan.at;
  const first = scan.firstKey();
  let alone = false;
  if (first === 'b64') {
    scan.skip();
    alone = scan.nextKey() === undefined;
  }
  scan.at = start;
  return !alone || signature.inputs.some(({ name }) => name === 'b64');
}

/**
 * Reads an object that names every input once; `read` reads the value of the one at `place` in the signature. Names that
 * are no inputs are refused in rows and ignored in columns, as TensorFlow Serving does.
 */
function readNamed(
  scan: Scanner,
  signature: Signature,
  where: string,
  unknown: 'refused' | 'ignored',
  read: (place: number, spec: TensorSpec) => void,
): void {
  if (scan.peek() !== Byte.OpenObject) {
    throw badRequest(`${where} Expected an object of named inputs: ${mapOf(signature)}`);
  }
  const seen = new Set<number>();
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    const place = signature.inputs.findIndex(({ name }) => name === key);
    const spec = signature.inputs[place];
    if (spec) {
      if (seen.has(place)) throw badRequest(`${where} Input ${quote(key)} is given twice`);
      seen.add(place);
      read(place, spec);
    } else if (unknown === 'ignored') {
      scan.pass();
    } else {
      throw badRequest(`${where} Unknown input ${quote(key)}; the model takes ${mapOf(signature)}`);
    }
  }
  const missing = signature.inputs.find((_, i) => !seen.has(i));
  if (missing) throw missingInput(where, missing);
}

export const missingInput = (where: string, spec: TensorSpec) =>
  badRequest(`${where} Missing named input ${quote(spec.name)}`);

export const severalInputs = (what: string, signature: Signature) =>
  badRequest(`${what}, but the model has several inputs: ${mapOf(signature)}`);

const mapOf = (signature: Signature) =>
  `{${signature.inputs.map((spec) => `${JSON.stringify(spec.name)}: …`).join(', ')}}`;

function readWhole(scan: Scanner, spec: TensorSpec, field: string): Tensor {
  const column = columnFor(spec, field, spec.unknownRank ? freeShape(scan) : [...spec.shape]);
  readNested(scan, column);
  return tensorOf(column);
}

const tensorOf = (column: Column): Tensor => {
  const { name, dtype } = column.spec;
  return { name, dtype, shape: column.shape, data: column.finish() };
};
