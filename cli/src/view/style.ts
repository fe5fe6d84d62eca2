/** How something stands; colour and mark follow from it. */
export type Tone = 'good' | 'busy' | 'bad' | 'off' | 'plain';

export interface Style {
  /** Text in the colour of a tone; of a terminal without colours as it is. */
  paint: (tone: Tone, text: string) => string;
  strong: (text: string) => string;
  /** For what may be read over. */
  faint: (text: string) => string;
  mark: Record<Tone, string>;
  /** Branches of a tree, three characters each. */
  branch: { more: string; last: string; pass: string; none: string };
  bar: { full: string; empty: string };
  arrow: string;
  ellipsis: string;
}

const UNICODE = {
  mark: { good: '✔', busy: '◌', bad: '✖', off: '○', plain: '·' },
  branch: { more: '├─ ', last: '└─ ', pass: '│  ', none: '   ' },
  bar: { full: '█', empty: '░' },
  arrow: '→',
  ellipsis: '…',
};
const ASCII = {
  mark: { good: '+', busy: '~', bad: 'x', off: 'o', plain: '-' },
  branch: { more: '|- ', last: '`- ', pass: '|  ', none: '   ' },
  bar: { full: '#', empty: '.' },
  arrow: '->',
  ellipsis: '~',
};

const CODE: Record<Tone | 'strong' | 'faint', readonly [number, number] | undefined> = {
  good: [32, 39],
  busy: [33, 39],
  bad: [31, 39],
  off: [2, 22],
  plain: undefined,
  strong: [1, 22],
  faint: [2, 22],
};

export function makeStyle({ colour, unicode }: { colour: boolean; unicode: boolean }): Style {
  const wrap = (code: (typeof CODE)['good'], text: string): string =>
    !colour || code === undefined || text === '' ? text : `\u001b[${code[0]}m${text}\u001b[${code[1]}m`;
  return {
    ...(unicode ? UNICODE : ASCII),
    paint: (tone, text) => wrap(CODE[tone], text),
    strong: (text) => wrap(CODE.strong, text),
    faint: (text) => wrap(CODE.faint, text),
  };
}
