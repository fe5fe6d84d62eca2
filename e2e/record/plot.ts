import { escapeXml, round } from './svg.ts';

/** A rollout as its client and its status saw it, as an SVG of three panels over one time axis. */

/** Counts of one second, as the client reports them. */
export interface Second {
  /** Seconds since the start, at its end. */
  at: number;
  /** Answers a second, by version. */
  versions: Record<string, number>;
  failed: number;
  /** Milliseconds; null when nothing was answered. */
  p99: number | null;
}

export interface Timeline {
  title: string;
  /** Requests of the client. */
  total: number;
  failed: number;
  seconds: readonly Second[];
  /** `status.trial.weight` from this second on; undefined: no trial. */
  weights: readonly { at: number; weight: number | undefined }[];
  /** What a person did, or the operator. */
  marks: readonly { at: number; text: string }[];
}

const WIDTH = 860;
const PLOT = { left: 64, right: 24 };
const PANELS = { shares: { top: 112, height: 150 }, rate: { top: 302, height: 80 }, latency: { top: 422, height: 70 } };
const HEIGHT = 546;
const INK = '#24292f';
const MUTED = '#6e7781';
const GRID = '#d8dee4';
/** By the order in which versions appear; told apart also without colours, by their labels. */
const VERSIONS = ['#3b7dd8', '#f0883e', '#8250df'];
const FAILED = '#cf222e';

type Panel = (typeof PANELS)[keyof typeof PANELS];
type Scale = (value: number) => number;

export function plotSvg({ title, total, failed, seconds, weights, marks }: Timeline): string {
  const end = Math.max(1, ...seconds.map(({ at }) => at));
  const x: Scale = (at) => round(PLOT.left + (at / end) * (WIDTH - PLOT.left - PLOT.right));
  const versions = [...new Set(seconds.flatMap((second) => Object.keys(second.versions)))].sort();
  const counted = `${total.toLocaleString('en')} requests, ${failed} failed`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escapeXml(`${title}: ${counted}`)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#ffffff" stroke="${GRID}"/>`,
    text(PLOT.left, 26, title, 'font-size="15" font-weight="600"'),
    text(WIDTH - PLOT.right, 26, counted, `text-anchor="end" fill="${failed === 0 ? INK : FAILED}"`),
    ...sharesPanel(seconds, versions, weights, x, end),
    ...ratePanel(seconds, x),
    ...latencyPanel(seconds, x),
    ...marksAt(marks, x),
    ...timeAxis(end, x),
    '</svg>',
    '',
  ].join('\n');
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const answered = ({ versions }: Second): number => sum(Object.values(versions));

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeXml(words)}</text>`;
}

/** Frame, title and a few horizontal lines with their values. */
function panel({ top, height }: Panel, title: string, y: Scale, ticks: readonly number[], unit: string): string[] {
  return [
    text(PLOT.left, top - 8, title, `fill="${MUTED}"`),
    ...ticks.flatMap((tick) => [
      `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="${GRID}"/>`,
      text(PLOT.left - 8, y(tick) + 4, `${tick}${unit}`, `text-anchor="end" fill="${MUTED}"`),
    ]),
    `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${top + height}" y2="${top + height}" stroke="${MUTED}"/>`,
  ];
}

const scaleOf = ({ top, height }: Panel, max: number): Scale => {
  return (value) => round(top + height - (Math.min(value, max) / max) * height);
};

/** Which version answered, as stacked areas, and the weight that was asked for, as a line. */
function sharesPanel(
  seconds: readonly Second[],
  versions: readonly string[],
  weights: Timeline['weights'],
  x: Scale,
  end: number,
): string[] {
  const { top } = PANELS.shares;
  const y = scaleOf(PANELS.shares, 100);
  const some = seconds.filter((second) => answered(second) > 0);
  // Later versions stand at the bottom, where the weight is drawn as well.
  const upTo = (second: Second, index: number): number =>
    (100 * sum(versions.slice(index).map((version) => second.versions[version] ?? 0))) / answered(second);
  const areas = versions.map((version, index) => {
    const upper = some.map((second) => `${x(second.at)},${y(upTo(second, index))}`);
    const lower = some.map((second) => `${x(second.at)},${y(upTo(second, index + 1))}`).reverse();
    return `<polygon points="${[...upper, ...lower].join(' ')}" fill="${VERSIONS[index % VERSIONS.length]}" fill-opacity="0.75"><title>version ${escapeXml(version)}</title></polygon>`;
  });
  const legend = versions.flatMap((version, index) => {
    const at = WIDTH - PLOT.right - (versions.length - index) * 84 - 76;
    return [
      `<rect x="${at}" y="${top - 18}" width="11" height="11" fill="${VERSIONS[index % VERSIONS.length]}" fill-opacity="0.75"/>`,
      text(at + 16, top - 8, `version ${version}`),
    ];
  });
  const steps = weights.map(({ at, weight }, i) => ({ at, until: weights[i + 1]?.at ?? end, weight }));
  const path = steps.map(({ at, until, weight }, i) => {
    if (weight === undefined) return '';
    const joined = steps[i - 1]?.weight !== undefined;
    return `${joined ? 'L' : 'M'}${x(at)} ${y(weight)}L${x(until)} ${y(weight)}`;
  });
  const line = path.join('');
  return [
    ...panel(PANELS.shares, 'answers by version', y, [0, 50, 100], ' %'),
    ...areas,
    ...legend,
    ...(line === ''
      ? []
      : [
          `<path d="${line}" fill="none" stroke="${INK}" stroke-width="1.6" stroke-dasharray="5 3"/>`,
          `<line x1="${WIDTH - PLOT.right - 62}" x2="${WIDTH - PLOT.right - 44}" y1="${top - 12}" y2="${top - 12}" stroke="${INK}" stroke-width="1.6" stroke-dasharray="5 3"/>`,
          text(WIDTH - PLOT.right - 40, top - 8, 'weight'),
        ]),
  ];
}

function ratePanel(seconds: readonly Second[], x: Scale): string[] {
  const max = niceAbove(Math.max(1, ...seconds.map((second) => answered(second) + second.failed)));
  const y = scaleOf(PANELS.rate, max);
  const points = seconds.map((second) => `${x(second.at)},${y(answered(second))}`);
  const bars = seconds
    .filter(({ failed }) => failed > 0)
    .map(({ at, failed }) => {
      const top = y(failed);
      return `<rect x="${x(at) - 2}" y="${top}" width="4" height="${round(y(0) - top)}" fill="${FAILED}"/>`;
    });
  return [
    ...panel(PANELS.rate, 'requests answered per second; failed ones in red', y, [0, max], ''),
    `<polyline points="${points.join(' ')}" fill="none" stroke="${INK}" stroke-width="1.5"/>`,
    ...bars,
  ];
}

function latencyPanel(seconds: readonly Second[], x: Scale): string[] {
  const known = seconds.flatMap(({ at, p99 }) => (p99 === null ? [] : [{ at, p99 }]));
  const max = niceAbove(Math.max(1, ...known.map(({ p99 }) => p99)));
  const y = scaleOf(PANELS.latency, max);
  return [
    ...panel(PANELS.latency, '99th percentile of the second, milliseconds', y, [0, max], ''),
    `<polyline points="${known.map(({ at, p99 }) => `${x(at)},${y(p99)}`).join(' ')}" fill="none" stroke="${INK}" stroke-width="1.5"/>`,
  ];
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => digit * power >= value) ?? 10) * power;
}

/** Lines through all panels, with their words above, on three rows so that neighbours do not meet. */
function marksAt(marks: Timeline['marks'], x: Scale): string[] {
  return marks.flatMap(({ at, text: words }, i) => {
    const row = 46 + (i % 3) * 15;
    const right = x(at) > WIDTH - 140;
    return [
      `<line x1="${x(at)}" x2="${x(at)}" y1="${row - 9}" y2="${PANELS.latency.top + PANELS.latency.height}" stroke="${MUTED}" stroke-width="0.8"/>`,
      text(x(at) + (right ? -4 : 4), row, words, `font-size="11"${right ? ' text-anchor="end"' : ''}`),
    ];
  });
}

function timeAxis(end: number, x: Scale): string[] {
  const step = Math.max(5, niceAbove(end / 10));
  const bottom = PANELS.latency.top + PANELS.latency.height;
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
  return [
    ...ticks.map((tick) => text(x(tick), bottom + 18, `${tick}`, `text-anchor="middle" fill="${MUTED}"`)),
    text(WIDTH - PLOT.right, bottom + 36, 'seconds', `text-anchor="end" fill="${MUTED}"`),
  ];
}
