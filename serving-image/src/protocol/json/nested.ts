import { badRequest } from '../../errors.ts';
import { Byte } from './byte.ts';
import { show, type Column } from './column.ts';
import { MAX_DEPTH, tooDeep, type Scanner } from './scanner.ts';

/**
 * Reads a value that is nested as the column's shape says from dimension `depth` on. Sizes that are -1 there are set by
 * the first list of their dimension; all others must have the same. @throws RequestError 400, 413
 */
export function readNested(scan: Scanner, column: Column, depth = 0): void {
  const { shape } = column;
  const size = shape[depth];
  if (size === undefined) return column.one(scan);
  if (depth === MAX_DEPTH) throw tooDeep();
  if (scan.peek() !== Byte.OpenList) throw notNested(scan, column, depth);
  const before = column.count;
  let length = 0;
  if (depth === shape.length - 1) {
    column.list(scan, size);
    length = column.count - before;
  } else {
    for (let more = scan.firstItem(); more; more = scan.nextItem()) {
      readNested(scan, column, depth + 1);
      length++;
    }
  }
  if (length !== size && (size >= 0 || length === 0)) throw column.wrongLength(length, size);
  shape[depth] = length;
}

/** Reads all values in one list, in row-major order, or nested as the shape says. @throws RequestError 400, 413 */
export function readFlatOrNested(scan: Scanner, column: Column, size: number): void {
  const { shape } = column;
  if (shape.length === 0 && scan.peek() !== Byte.OpenList) return column.one(scan);
  if (shape.length > 1 && startsNested(scan)) return readNested(scan, column);
  if (scan.peek() !== Byte.OpenList) throw notNested(scan, column, 0);
  column.list(scan, size);
  if (column.count !== size) throw column.wrongLength(column.count, size);
}

function startsNested(scan: Scanner): boolean {
  if (scan.peek() !== Byte.OpenList) return false;
  const start = scan.at;
  const nested = scan.firstItem() && scan.peek() === Byte.OpenList;
  scan.at = start;
  return nested;
}

function notNested(scan: Scanner, column: Column, depth: number): Error {
  // What is no JSON at all is told first.
  scan.pass();
  const { field, shape } = column;
  return badRequest(
    depth === 0
      ? `${field} is not a list, but its shape is ${show(shape)}`
      : `${field} is nested ${depth} deep, but its shape ${show(shape)} has ${shape.length} dimensions`,
  );
}

/** How many lists open here, one in the other. */
export function rankAt(scan: Scanner): number {
  const start = scan.at;
  let rank = 0;
  while (scan.peek() === Byte.OpenList && rank <= MAX_DEPTH) {
    rank++;
    scan.at++;
  }
  scan.at = start;
  return rank;
}
