import { describe, expect, it } from '@jest/globals';
import { niceAbove, plotSvg, type Timeline } from './plot.ts';
import { parseAnsi, terminalSvg } from './terminal.ts';
import { timelineOf } from './timeline.ts';

const ESC = '\u001b';

describe('a terminal as a picture', () => {
  it('has each run of one look at its column, and colours that last until they are reset', () => {
    const [first, second] = parseAnsi(`ab ${ESC}[1;32mok${ESC}[0m\n${ESC}[2mdim`);
    expect(first).toMatchObject([
      { column: 0, text: 'ab ', bold: false },
      { column: 3, text: 'ok', bold: true, colour: '#56d364' },
    ]);
    expect(second).toMatchObject([{ column: 0, text: 'dim', dim: true, bold: false }]);
  });

  it('counts characters that fonts draw in their own width as one column each', () => {
    expect(parseAnsi('a✔✔b')[0]).toMatchObject([
      { column: 0, text: 'a' },
      { column: 1, text: '✔✔' },
      { column: 3, text: 'b' },
    ]);
  });

  it('leaves out other control sequences, and escapes what XML would take for its own', () => {
    const svg = terminalSvg('a & b', `${ESC}[2K<pod> & "more"`);
    expect(svg).toContain('&lt;pod&gt; &amp; &quot;more&quot;');
    expect(svg).not.toContain(ESC);
    expect(svg).toContain('<title>a &amp; b</title>');
  });
});

const report = (time: number, versions: Record<string, number>, failed = 0) => ({
  time,
  failed,
  versions,
  p99: 2,
});

describe('a timeline', () => {
  it('has the rate of each version between two reports, whatever time lay between them', () => {
    const reports = [
      report(1_000, { 1: 100 }),
      report(2_000, { 1: 200 }),
      report(4_000, { 1: 300, 2: 50 }, 3),
      report(4_100, { 1: 301, 2: 51 }, 3),
    ];
    const { seconds, weights, marks } = timelineOf(
      reports,
      [{ time: 2_500, weight: 10 }],
      [{ time: 500, text: 'apply' }],
    );
    expect(seconds).toEqual([
      { at: 1, versions: { 1: 100 }, failed: 0, p99: 2 },
      { at: 3, versions: { 1: 50, 2: 25 }, failed: 3, p99: 2 },
    ]);
    expect([weights, marks]).toEqual([[{ at: 1.5, weight: 10 }], [{ at: 0, text: 'apply' }]]);
  });
});

describe('a plot', () => {
  const timeline: Timeline = {
    title: 'Canary',
    total: 12_345,
    failed: 2,
    seconds: [
      { at: 1, versions: { 1: 100 }, failed: 0, p99: 10 },
      { at: 2, versions: { 1: 50, 2: 50 }, failed: 2, p99: null },
    ],
    weights: [{ at: 1, weight: 50 }],
    marks: [{ at: 1, text: 'apply' }],
  };
  it('tells how many requests there were and how many failed, and shows each version', () => {
    const svg = plotSvg(timeline);
    expect(svg).toContain('12,345 requests, 2 failed');
    expect(svg.match(/<polygon/g)).toHaveLength(2);
    expect(svg).toContain('>apply</text>');
  });

  it('draws no line of a weight where there was no trial', () => {
    expect(plotSvg(timeline)).toContain('stroke-dasharray');
    expect(plotSvg({ ...timeline, weights: [{ at: 0, weight: undefined }] })).not.toContain('stroke-dasharray');
  });

  it.each([
    [1, 1],
    [1.1, 2],
    [99, 100],
    [340, 500],
  ])('ends an axis of %s at %s', (value, nice) => {
    expect(niceAbove(value)).toBe(nice);
  });
});
