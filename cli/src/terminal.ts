import { makeStyle, type Style } from './view/style.ts';

/** What the standard output can show. */
export interface Terminal {
  /** Columns; Infinity when it is piped, so that nothing is cut that a program may want to read. */
  width: number;
  style: Style;
  live: boolean;
}

export function readTerminal(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Terminal {
  const live = out.isTTY && env['TERM'] !== 'dumb';
  const columns = Number(env['COLUMNS'] ?? NaN);
  const width = out.isTTY ? out.columns || 80 : columns > 0 ? columns : Infinity;
  const forced = (env['FORCE_COLOR'] ?? '0') !== '0';
  const colour = (live && (env['NO_COLOR'] ?? '') === '') || forced;
  // The first that is set decides, as everywhere. Without any the terminal most likely is of this century.
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'UTF-8';
  const unicode = /utf-?8/i.test(locale);
  return { width, style: makeStyle({ colour, unicode }), live };
}
