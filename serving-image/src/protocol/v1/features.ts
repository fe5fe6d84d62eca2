/** Examples in JSON, as TensorFlow Serving has them. */
import { badRequest, quote } from '../../errors.ts';
import { Byte } from '../json/byte.ts';
import { MAX_TEXTS } from '../json/column.ts';
import { numberText } from '../json/decimal.ts';
import { bareToken } from '../json/numbers.ts';
import type { Scanner } from '../json/scanner.ts';
import { writeExample, type FeatureValue as Value } from '../proto/example-writer.ts';

/**
 * Reads an object of features, each a value or a list of values, and writes it as an Example. Two Examples one behind
 * the other are one with the features of both. @throws RequestError 400
 */
export function readExample(scan: Scanner, where: string): Uint8Array {
  if (scan.peek() !== Byte.OpenObject) throw badRequest(`${where} is ${quote(scan.value())}, expected an object`);
  scan.count(MAX_TEXTS);
  const features: [name: string, values: Value[]][] = [];
  for (let name = scan.firstKey(); name !== undefined; name = scan.nextKey())
    features.push([name, readValues(scan, `${where}: feature ${quote(name)}`)]);
  return writeExample(features);
}

function readValues(scan: Scanner, where: string): Value[] {
  if (scan.peek() !== Byte.OpenList) return [readValue(scan, where)];
  const values: Value[] = [];
  for (let more = scan.firstItem(); more; more = scan.nextItem()) {
    const value = readValue(scan, where);
    const [first] = values;
    if (first && first.kind !== value.kind) {
      throw badRequest(`${where} has values of the kinds ${first.kind} and ${value.kind}; a feature has one kind`);
    }
    values.push(value);
  }
  return values;
}

/** Numbers with a point or an exponent are floats, others integers, as TensorFlow Serving has it. */
function readValue(scan: Scanner, where: string): Value {
  scan.count(MAX_TEXTS);
  const c = scan.peek();
  if (c === Byte.Quote) return { kind: 'bytes', value: scan.stringBytes() };
  const start = scan.at;
  const text = numberText(scan);
  if (text !== '') return numberOf(text, where);
  const token = bareToken(scan);
  if (token !== undefined) return { kind: 'float', value: token };
  const value = scan.value();
  if (typeof value === 'boolean') return { kind: 'int64', value: value ? 1n : 0n };
  const b64 = value !== null && typeof value === 'object' ? (value as { b64?: unknown }).b64 : undefined;
  if (typeof b64 === 'string') return { kind: 'bytes', value: Buffer.from(b64, 'base64') };
  throw badRequest(`${where} has ${scan.text(start)}, expected a number, a string or {"b64": …}`);
}

function numberOf(text: string, where: string): Value {
  if (/[.eE]/.test(text)) {
    const value = Math.fround(Number(text));
    if (Number.isFinite(value)) return { kind: 'float', value };
    throw badRequest(`${where} has ${text.slice(0, 40)}, which is no float`);
  }
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) === value) return { kind: 'int64', value };
  throw badRequest(`${where} has ${text.slice(0, 40)}, which does not fit 64 bits`);
}
