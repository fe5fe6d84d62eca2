import type { Canvas } from './canvas.ts';
import { clip } from './layout.ts';

interface Output {
  name: string;
  datatype?: string;
  shape: number[];
  /** Row-major. */
  data: unknown[];
}

/** The outputs of an answer of either protocol; undefined when it has none that are known. */
export function readAnswer(text: string): { version: string | undefined; outputs: Output[] } | undefined {
  const body = parseLoosely(text);
  if (!isObject(body)) return undefined;
  const { outputs, predictions, model_version: version } = body;
  const named = (value: unknown, fallback: string): Output[] =>
    isObject(value) ? Object.entries(value).map(([name, data]) => tensorOf(name, data)) : [tensorOf(fallback, value)];
  if (Array.isArray(outputs) && outputs.every((output) => isObject(output) && 'name' in output)) {
    const tensors = (outputs as unknown as Output[]).map((output) => ({ ...output, data: output.data.flat(Infinity) }));
    return { version: typeof version === 'string' ? version : undefined, outputs: tensors };
  }
  if (Array.isArray(predictions)) {
    const rows = predictions as unknown[];
    const first = rows[0];
    if (!isObject(first)) return { version: undefined, outputs: [tensorOf('predictions', rows)] };
    const names = Object.keys(first);
    const columns = names.map((name) =>
      tensorOf(
        name,
        rows.map((row) => (row as Record<string, unknown>)[name]),
      ),
    );
    return { version: undefined, outputs: columns };
  }
  return outputs === undefined ? undefined : { version: undefined, outputs: named(outputs, 'outputs') };
}

/** TensorFlow Serving writes NaN and Infinity, which JSON does not know. */
function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    try {
      return JSON.parse(text.replace(/([[,:]\s*)(NaN|-?Infinity)(?=\s*[,\]}])/g, '$1"$2"'));
    } catch {
      return undefined;
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function tensorOf(name: string, value: unknown): Output {
  const shape: number[] = [];
  for (let at = value; Array.isArray(at); at = (at as unknown[])[0]) shape.push(at.length);
  return { name, shape, data: Array.isArray(value) ? (value as unknown[]).flat(Infinity) : [value] };
}

/** Rows of an output that are shown. */
const MOST_ROWS = 10;

/** Outputs as tables of numbers, a row of the batch a line, with the largest of each row. */
export function drawAnswer(outputs: readonly Output[], { width, style }: Canvas): string[] {
  return outputs.flatMap(({ name, datatype = '', shape, data }) => {
    const columns = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
    const rows = Math.ceil(data.length / Math.max(1, columns));
    const shown = Array.from({ length: Math.min(rows, MOST_ROWS) }, (_, row) =>
      drawRow(data.slice(row * columns, (row + 1) * columns), width, style.ellipsis),
    );
    const more = rows > MOST_ROWS ? [style.faint(`  ${rows - MOST_ROWS} more rows; -o json prints all`)] : [];
    return [style.strong(`${name} ${datatype}[${shape.join(', ')}]`), ...shown, ...more];
  });
}

function drawRow(values: readonly unknown[], width: number, ellipsis: string): string {
  const numbers = values.filter((value) => typeof value === 'number');
  const all = numbers.length === values.length && values.length > 1;
  const largest = all ? numbers.indexOf(Math.max(...numbers)) : -1;
  const note = all ? `  largest ${round(numbers[largest])} at ${largest}` : '';
  const room = Math.max(10, width - 2 - note.length);
  return `  ${clip(values.map(round).join(' '), room, ellipsis)}${note}`;
}

/** Four significant digits: enough to see, not to compare. */
const round = (value: unknown): string =>
  typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
