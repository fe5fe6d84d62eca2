/** Controls, formats (direction, zero width, tags), surrogates, what no standard has given a meaning, and what shows as nothing. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** More marks than a letter has in any language grow over the lines beside it. */
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu;

/** Text with a mark in place of what cannot be seen; spaces stay as they are. */
export const visible = (text: string): string =>
  text
    .replace(/[\t-\r\u0085\u2028\u2029]/g, ' ')
    .replace(UNSEEN, '\ufffd')
    .replace(PILED_MARKS, '$1');

/**
 * Text of others (a registry, an image, a model, a server) as it may be shown, stored and put on a terminal: one line,
 * nothing in it that moves the cursor, turns the direction of writing or cannot be seen, and at most `longest` characters.
 * Where text of others enters the operator, and where the plugin prints, it goes through here.
 */
export function printable(text: string, longest: number): string {
  // What is cut off anyway is not worth looking at.
  const head = text.slice(0, longest * 4);
  const line = visible(head)
    .replace(/[^\S\ufeff]+/g, ' ')
    .trim();
  const letters = [...line];
  return letters.length > longest || text.length > head.length ? `${letters.slice(0, longest - 1).join('')}…` : line;
}
