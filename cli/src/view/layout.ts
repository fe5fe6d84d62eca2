import { visible } from '@modeldeployment/modelpack/foreign-text';
import type { Style } from './style.ts';

const GAP = 2;

/**
 * Pieces of text from which lines are laid out; their width is counted before any colour is added. Text of others comes
 * through here to the terminal, and brings nothing along that is not to be seen.
 */

/** Words in lines of at most `width` characters; a longer word is broken. With Infinity one line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of visible(text)
    .split(/\s+/)
    .filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    while (word.length > width) {
      lines.push(word.slice(0, width));
      word = word.slice(width);
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** At most `width` characters; what is cut is marked. Names are cut in the middle, for their ends differ. */
export function clip(text: string, width: number, ellipsis: string, at: 'end' | 'middle' = 'end'): string {
  if (text.length <= width) return visible(text);
  if (width <= ellipsis.length) return ellipsis.slice(0, Math.max(0, width));
  const room = width - ellipsis.length;
  const tail = at === 'end' ? 0 : Math.ceil(room / 2);
  return visible(`${text.slice(0, room - tail).trimEnd()}${ellipsis}${tail === 0 ? '' : text.slice(-tail)}`);
}

/** `label  words`, wrapped, with the words of all lines below each other. */
export function entry(label: string, words: string, labelWidth: number, width: number, style: Style): string[] {
  const room = Math.max(20, width - labelWidth);
  return wrap(words, room).map((line, i) => `${style.faint((i === 0 ? label : '').padEnd(labelWidth))}${line}`);
}

export interface Cell {
  text: string;
  /** Adds colour; must not change what is to be seen. */
  paint?: (text: string) => string;
}

/** Cells beside each other, as many as fit into a line. */
export function flow(cells: readonly Cell[], width: number): string[] {
  const lines: string[] = [];
  let room = 0;
  for (const { text: words, paint = (plain: string) => plain } of cells) {
    const text = visible(words);
    if (text.length + GAP > room || lines.length === 0) {
      lines.push(paint(text));
      room = width - text.length;
    } else {
      lines.push(`${lines.pop()}${' '.repeat(GAP)}${paint(text)}`);
      room -= text.length + GAP;
    }
  }
  return lines;
}

export interface Column {
  title: string;
  /** Narrower than this it is left out, or, for the first column, not made. */
  least?: number;
  /** What goes first when the terminal is narrow: 1 before 2; without a rank it stays. */
  yields?: number;
  cut?: 'end' | 'middle';
  align?: 'right';
}

/**
 * A table that fits into `width`: empty columns go, then columns with a rank in its order. What is left is shortened:
 * those with a rank first, and of these the widest.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  style: Style,
): string[] {
  const widthOf = (column: number): number => Math.max(0, ...rows.map((row) => row[column]?.text.length ?? 0));
  let kept = columns.map((_, i) => i).filter((i) => i === 0 || widthOf(i) > 0);
  const natural = (i: number): number => Math.max(columns[i]?.title.length ?? 0, widthOf(i));
  const least = (i: number): number => Math.min(natural(i), columns[i]?.least ?? natural(i));
  const total = (of: (i: number) => number): number => kept.reduce((sum, i) => sum + of(i) + GAP, -GAP);
  while (total(least) > width) {
    const ranked = kept.filter((i) => columns[i]?.yields !== undefined);
    if (ranked.length === 0) break;
    const first = ranked.reduce((a, b) => ((columns[a]?.yields ?? 0) <= (columns[b]?.yields ?? 0) ? a : b));
    kept = kept.filter((i) => i !== first);
  }
  const widths = new Map(kept.map((i) => [i, natural(i)]));
  const sum = (): number => total((i) => widths.get(i) ?? 0);
  while (sum() > width) {
    const all = kept.filter((i) => (widths.get(i) ?? 0) > least(i));
    const ranked = all.filter((i) => columns[i]?.yields !== undefined);
    const shrinkable = ranked.length > 0 ? ranked : all;
    if (shrinkable.length === 0) break;
    const widest = shrinkable.reduce((a, b) => ((widths.get(a) ?? 0) >= (widths.get(b) ?? 0) ? a : b));
    widths.set(widest, (widths.get(widest) ?? 0) - 1);
  }
  const cellOf = (i: number, cell: Cell = { text: '' }): string => {
    const { cut = 'end', align } = columns[i] ?? {};
    const room = widths.get(i) ?? 0;
    const text = clip(cell.text, room, style.ellipsis, cut);
    const space = ' '.repeat(room - text.length);
    const painted = cell.paint === undefined ? text : cell.paint(text);
    return align === 'right' ? space + painted : painted + space;
  };
  const lineOf = (cells: readonly Cell[]): string =>
    kept
      .map((i) => cellOf(i, cells[i]))
      .join(' '.repeat(GAP))
      .trimEnd();
  const title = columns.map(({ title }): Cell => ({ text: title, paint: style.faint }));
  return [lineOf(title), ...rows.map((row) => lineOf(row))];
}
