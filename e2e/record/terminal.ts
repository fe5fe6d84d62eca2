import { escapeXml, round } from './svg.ts';

/** A recorded terminal session as an SVG: what was on the screen, in its colours. */

const CHAR = { width: 7.83, height: 17, size: 13 };
const PADDING = { x: 16, y: 14 };
const BAR = 30;

const BACKGROUND = '#1b1f24';
const FOREGROUND = '#d7dce2';
const DIM = '#8b949e';
/** The eight colours of ANSI (ECMA-48 SGR 30 to 37, and 90 to 97), on a dark ground. */
const COLOURS = ['#6e7681', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#f0f6fc'];

interface Look {
  colour: string | undefined;
  bold: boolean;
  dim: boolean;
  inverse: boolean;
}

interface Run extends Look {
  /** Column of its first character, from 0. */
  column: number;
  text: string;
}

const PLAIN: Look = { colour: undefined, bold: false, dim: false, inverse: false };

/** Text of a terminal as runs of one look, by line. Other control sequences than colours are not understood, and left out. */
export function parseAnsi(text: string): Run[][] {
  let look = PLAIN;
  return text.split('\n').map((line) => {
    const runs: Run[] = [];
    let column = 0;
    // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
    for (const [, codes, final, plain] of line.matchAll(/\u001b\[([\d;]*)([A-Za-z])|([^\u001b]+)/g)) {
      if (plain === undefined) {
        if (final === 'm') look = (codes ?? '').split(';').map(Number).reduce(withCode, look);
        continue;
      }
      for (const part of plain.replaceAll('\r', '').match(/[ -~]+|[^ -~]+/g) ?? []) {
        runs.push({ ...look, column, text: part });
        column += [...part].length;
      }
    }
    return runs;
  });
}

function withCode(look: Look, code: number): Look {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 7) return { ...look, inverse: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 27) return { ...look, inverse: false };
  if (code === 39) return { ...look, colour: undefined };
  const colour = COLOURS[code >= 90 ? code - 90 : code - 30];
  return colour === undefined ? look : { ...look, colour };
}

/** @param text with ANSI colours; one line of it is one line of the picture */
export function terminalSvg(title: string, text: string): string {
  const lines = parseAnsi(text);
  const columns = Math.max(40, ...lines.flat().map((run) => run.column + [...run.text].length));
  const width = Math.ceil(columns * CHAR.width + 2 * PADDING.x);
  const height = BAR + lines.length * CHAR.height + 2 * PADDING.y;
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, i) => `<circle cx="${18 + i * 18}" cy="${BAR / 2 + 2}" r="5.5" fill="${fill}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    ...dots,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${CHAR.size}" fill="${FOREGROUND}" xml:space="preserve">`,
    ...lines.flatMap((runs, row) => runs.map((run) => runSvg(run, BAR + PADDING.y + row * CHAR.height))),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Every run has its place and length: no font may shift what stands behind it. */
function runSvg({ text, column, colour, bold, dim, inverse }: Run, top: number): string {
  if (text.trim() === '' && !inverse) return '';
  const x = round(PADDING.x + column * CHAR.width);
  const length = round([...text].length * CHAR.width);
  const fill = inverse ? BACKGROUND : (colour ?? (dim ? DIM : undefined));
  const attributes = [
    `x="${x}" y="${round(top + CHAR.size)}" textLength="${length}" lengthAdjust="spacingAndGlyphs"`,
    ...(fill === undefined ? [] : [`fill="${fill}"`]),
    ...(bold ? ['font-weight="bold"'] : []),
    ...(dim && colour !== undefined ? ['opacity="0.7"'] : []),
  ];
  const ground = `<rect x="${x}" y="${round(top)}" width="${length}" height="${CHAR.height}" fill="${colour ?? FOREGROUND}"/>`;
  return `${inverse ? ground : ''}<text ${attributes.join(' ')}>${escapeXml(text)}</text>`;
}
