/** Bars, as SVG that reads on light and on dark pages. Pure. */

export interface Bar {
  label: string;
  value: number;
  /** Drawn in the colour of our server. */
  own: boolean;
}

const WIDTH = 760;
const LEFT = 230;
const RIGHT = 110;
const STEP = 26;

export function bars(title: string, unit: string, all: readonly Bar[]): string {
  const most = Math.max(...all.map(({ value }) => value));
  const height = 44 + all.length * STEP;
  const rows = all.map(({ label, value, own }, i) => {
    const y = 40 + i * STEP;
    const width = Math.max(1, (value / most) * (WIDTH - LEFT - RIGHT));
    return [
      `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="18" rx="2" fill="${own ? '#1f9d76' : '#8a94a6'}"/>`,
      `<text x="${(LEFT + width + 6).toFixed(1)}" y="${y + 14}">${short(value)} ${escape(unit)}</text>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" fill="#7b8494">`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="bold">${escape(title)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

export const short = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(2);
export const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
