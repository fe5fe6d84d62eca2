/** What both pictures need of SVG. */

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A tenth of a pixel is fine enough, and keeps the files small. */
export const round = (value: number): number => Math.round(value * 10) / 10;
